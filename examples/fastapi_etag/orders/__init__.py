"""Orders in FastAPI, SQLAlchemy and PostgreSQL: a change names the version that it was made for."""
