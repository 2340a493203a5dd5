"""Prints the script that completes onewinner's commands and options in a shell."""

import argparse
import importlib
from pathlib import Path

from onewinner.command_line import COMMANDS
from onewinner.exits import PASS
from onewinner.help_layout import Parser

SHELLS = ("bash", "zsh", "fish")
EXAMPLE = """onewinner completion bash > ~/.onewinner.bash   # to be sourced in ~/.bashrc
         onewinner completion zsh > ~/.zfunc/_onewinner
         onewinner completion fish > ~/.config/fish/completions/onewinner.fish"""


def main(arguments: list[str]) -> int:
    given = build_parser().parse_args(arguments)
    # Not above: no other command needs it.
    import shtab

    print(shtab.complete(build_whole(), given.shell))
    return PASS


def build_parser() -> Parser:
    parser = Parser("completion", __doc__ or "", EXAMPLE)
    parser.add_argument("shell", choices=SHELLS, help="the shell that reads the script")
    return parser


def build_whole() -> argparse.ArgumentParser:
    """One parser with all commands below it."""
    import shtab

    whole = argparse.ArgumentParser("onewinner")
    whole.add_argument("--version", action="store_true")
    below = whole.add_subparsers(parser_class=argparse.ArgumentParser)
    for name, what in COMMANDS.items():
        own = importlib.import_module(f"onewinner.commands.{name}").build_parser()
        parser = below.add_parser(name, help=what, parents=[own], add_help=False, conflict_handler="resolve")
        for action in parser._actions:  # noqa: SLF001 - argparse has no other list of them
            if action.type is Path:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    return whole
