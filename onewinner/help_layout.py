"""How a command's arguments are read, and how its help looks: 80 columns, with its lists and its exit codes."""

import argparse
import errno
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from engine.target.suggestion import find_close, suggest
from onewinner.exits import EXIT_MEANINGS, FAIL, PASS, REGRESSION, UNKNOWN, USAGE, UsageError

PATH_SHOWN_MAX = 120
HELP_WIDTH = 80
# What a command can end with: one that makes or judges a run, one that compares, and one that only shows something.
JUDGING = {code: EXIT_MEANINGS[code] for code in (PASS, FAIL, USAGE, UNKNOWN)}
COMPARING = {code: EXIT_MEANINGS[code] for code in (PASS, FAIL, USAGE, UNKNOWN, REGRESSION)}
SHOWING = {
    PASS: "done",
    USAGE: "usage: a bad option, file or target",
    UNKNOWN: "the command failed, or was interrupted",
}
# What a command ends with that runs until a signal tells it to stop.
SERVING = {**SHOWING, PASS: "a signal told it to stop", UNKNOWN: "it failed, or ended by itself"}
# A list in the help: its title, and what each of its words means. A function, because a list may be slow to import.
HelpList = Callable[[], tuple[str, Mapping[str, str]]]


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Paragraphs of the description are wrapped; what comes after the options stands as it is."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=HELP_WIDTH - 2)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are a UsageError: one sentence, exit 2, no usage dump."""

    def __init__(
        self,
        command: str,
        description: str,
        example: str,
        exits: Mapping[int, str] = SHOWING,
        lists: Sequence[HelpList] = (),
    ) -> None:
        super().__init__(
            prog=f"onewinner {command}",
            description=wrap_paragraphs(description),
            formatter_class=HelpFormatter,
            allow_abbrev=False,
        )
        self._example, self._exits, self._lists = example, exits, lists

    def format_help(self) -> str:
        examples = "\n".join(f"  {line.strip()}" for line in self._example.splitlines())
        tables = [render_table(*find()) for find in self._lists]
        tables.append(render_table("exit codes", {str(code): meaning for code, meaning in self._exits.items()}))
        return "\n".join([super().format_help(), *tables, f"example:\n{examples}\n"])

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")

    def parse_args(self, *given: Any, **more: Any) -> Any:
        """As ever, but an option that does not exist is told which one is meant."""
        found, rest = self.parse_known_args(*given, **more)
        if rest:
            options = [argument.partition("=")[0] for argument in rest if argument.startswith("-")]
            close = next(filter(None, (find_close(option, self._option_string_actions) for option in options)), None)
            self.error(f"unrecognized arguments: {' '.join(rest)}" + (f" (did you mean {close}?)" if close else ""))
        return found

    def parse_known_args(self, *given: Any, **more: Any) -> Any:
        """As ever, but a path that no file can have is an error of its option."""
        found, rest = super().parse_known_args(*given, **more)
        for name, value in vars(found).items():
            for path in value if isinstance(value, list) else [value]:
                if isinstance(path, Path) and (why := find_obstacle_of_path(path)):
                    self.error(f"{name}: {ascii(str(path))[:PATH_SHOWN_MAX]} {why}")
        return found, rest


def wrap_paragraphs(text: str) -> str:
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))
    return "\n\n".join(textwrap.fill(paragraph, HELP_WIDTH - 2) for paragraph in paragraphs)


def render_table(title: str, meanings: Mapping[str, str]) -> str:
    """A title, and a word with its meaning on each line."""
    column = 2 + max(map(len, meanings)) + 2
    lines = (
        textwrap.fill(meaning, HELP_WIDTH - 2, initial_indent=f"  {word}".ljust(column), subsequent_indent=" " * column)
        for word, meaning in meanings.items()
    )
    return "\n".join([f"{title}:", *lines, ""])


def list_levels() -> tuple[str, Mapping[str, str]]:
    from onewinner.profiles import LEVEL_MEANINGS

    return "levels", LEVEL_MEANINGS


def list_checks() -> tuple[str, Mapping[str, str]]:
    from reports.judge.all_checks import MEANINGS

    return "checks", MEANINGS


def list_scenarios() -> tuple[str, Mapping[str, str]]:
    from load.scenario_quotas import list_questions

    return "scenarios", list_questions()


def find_obstacle_of_path(path: Path) -> str | None:
    """Why no file can have this path; None if one can."""
    try:
        str(path).encode()
        path.lstat()
    except UnicodeError:
        return "is not UTF-8"
    except ValueError:
        return "holds a NUL character"
    except OSError as error:
        return "is too long a path" if error.errno == errno.ENAMETOOLONG else None
    return None


def one_of(names: Iterable[str]) -> Callable[[str], str]:
    """An argparse type: one of the names. A wrong one is told the closest, or all of them."""
    known = tuple(names)

    def parse(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(f"there is no {text!r}{suggest(text, known)}")
        return text

    return parse
