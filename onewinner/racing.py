"""The names that a test suite with the fixture `race` imports."""

from onewinner.pytest_plugin.helper import RaceError
from onewinner.pytest_plugin.race import Race
from onewinner.pytest_plugin.request import Request
from onewinner.pytest_plugin.result import Answer, NotOneWinnerError, Result, UndecidedError

__all__ = ["Answer", "NotOneWinnerError", "Race", "RaceError", "Request", "Result", "UndecidedError"]
