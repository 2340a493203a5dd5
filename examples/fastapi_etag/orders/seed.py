"""Adds the users of the environment variable ORDERS_USERS, each as name:organization:password, once."""

import os

from sqlalchemy.dialects.postgresql import insert

from orders.models import User, engine
from orders.tokens import hash_password

if __name__ == "__main__":
    with engine.begin() as connection:
        for entry in os.environ["ORDERS_USERS"].split():
            name, organization, password = entry.split(":")
            user = {"name": name, "organization": organization, "password": hash_password(name, password)}
            connection.execute(insert(User).values(user).on_conflict_do_nothing())
