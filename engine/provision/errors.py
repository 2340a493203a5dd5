"""DatabaseUnavailable: the one error of providing a database."""


class DatabaseUnavailable(Exception):  # noqa: N818 - the name says what happened
    """There is no PostgreSQL that can be used. The message is one sentence with the remedy, and has no password."""
