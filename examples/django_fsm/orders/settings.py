"""Minimal settings of Django: one application, one database, no sessions."""

import os

SECRET_KEY = "an example, served on 127.0.0.1 alone"  # noqa: S105
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["orders"]
ROOT_URLCONF = "orders.urls"
STATIC_URL = "static/"  # the live_server of the tests needs it
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["ORDERS_DB_HOST"],
        "PORT": os.environ["ORDERS_DB_PORT"],
        "USER": os.environ["ORDERS_DB_USER"],
        "PASSWORD": os.environ["ORDERS_DB_PASSWORD"],
        "NAME": os.environ["ORDERS_DB_NAME"],
        "CONN_MAX_AGE": None,
    }
}
# The only difference between target.toml and target_without_mixin.toml.
CONCURRENT_TRANSITIONS = os.environ.get("ORDERS_CONCURRENT_TRANSITIONS", "yes") == "yes"
