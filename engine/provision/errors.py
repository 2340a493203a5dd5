"""DatabaseUnavailable: the one error of providing a database."""


class DatabaseUnavailable(Exception):  # noqa: N818 - the name says what happened
    """There is no PostgreSQL that can be used. The message is one sentence with the remedy, and has no password."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else (type(self).__doc__ or "").strip()
