"""The names that a test suite with the fixture `race` imports."""

from onewinner.pytest_plugin.helper import RaceError
from onewinner.pytest_plugin.race import Race
from onewinner.pytest_plugin.race_result import Answer, NotOneWinnerError, Result, UndecidedError
from onewinner.pytest_plugin.request import Request

__all__ = ["Answer", "NotOneWinnerError", "Race", "RaceError", "Request", "Result", "UndecidedError"]
