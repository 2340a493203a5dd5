"""Alembic runs the migrations on the database of the service."""

from alembic import context
from orders.models import Base, engine

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
