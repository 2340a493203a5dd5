"""Asks a service what its target file describes, shows how each answer was understood, and names what to change."""

import re
import shlex
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich.table import Table
from rich.text import Text

from engine.provision.service import read_tail
from engine.target.credentials import list_exposed
from engine.target.secrets import read_secrets
from engine.target.target import NotBuiltError
from load.client.release import Release, ReleaseError
from onewinner.deployment import open_log_folder, run_engine
from onewinner.doctor.examination import Examination
from onewinner.doctor.questions import Examined, Questions
from onewinner.doctor.remedies import LOOK
from onewinner.doctor.trials import advise
from onewinner.engine_choice import EngineChoice
from onewinner.exits import PASS, UsageError
from onewinner.help_layout import Parser
from onewinner.options import add_engine_options, read_engine
from onewinner.terminal_display import open_console, print_text
from reports.documents.strength import list_unproven
from reports.judge.text.short_forms import count

EXAMPLE = "onewinner doctor --target orders.toml"
BODY_MAX = 80
BODY_OF_WRONG_MAX = 400
# So many right answers are shown before a wrong one: what led there.
LEADING = 2
LONG_ID = re.compile(r"[0-9a-fA-F-]{20,}")
STYLE = {True: "bold green", False: "bold red"}


def build_parser() -> Parser:
    parser = Parser("doctor", __doc__ or "", EXAMPLE)
    add_engine_options(parser)
    return parser


def main(arguments: list[str]) -> int:
    return examine(read_engine(build_parser().parse_args(arguments)))


def examine(engine: EngineChoice) -> int:
    """Runs the engine, asks it, shows what came back, and ends it."""
    with open_log_folder() as folder:
        log = folder / "service.log"
        with run_engine(engine, log) as access:
            release = Release(access.target.base_url, access.target.timeout_s)
            examination = Examination(Questions(access.target, release, folder))
            try:
                examination.run()
                remedies = advise(examination, engine.file)
            except ReleaseError as error:
                print_table(examination)
                ended = access.describe_end()
                raise UsageError(f"base_url: {ended or error}") from None
            except NotBuiltError as error:
                print_table(examination)
                raise UsageError(f"{engine.file}: {error}") from None
            finally:
                release.close()
            print_table(examination)
        return conclude(examination, remedies, engine, log)


def hide(text: str) -> str:
    """Without the secrets that are known by now: a login tells more."""
    return read_secrets().hide_text(text)


def print_table(examination: Examination) -> None:
    """What was sent, what came back, how it was understood, and what to change where that looks wrong."""
    console, done = open_console(), select(examination.done)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in done:
        if isinstance(each, int):
            table.add_row(Text("ok", style=STYLE[True]), Text(f"{count(each, 'answer')} more", style="dim"))
            continue
        right = each.remedy is None
        understood = f"{each.probe.what}: {describe_reading(each)}\n"
        exchanged = f"{describe_sent(each)} -> {describe_answer(each)}"
        told = Text.assemble((hide(understood), "bold"), (hide(exchanged), "dim"))
        table.add_row(Text("ok" if right else "wrong", style=STYLE[right]), told)
    if done:
        console.print(table)


def select(done: Sequence[Examined]) -> list[Examined | int]:
    """What is shown: all, where all is right; else what is wrong and what led there, and how many others there are."""
    wrong = [at for at, each in enumerate(done) if each.remedy is not None]
    shown = {at for end in wrong for at in range(end - LEADING, end + 1)} if wrong else set(range(len(done)))
    rows: list[Examined | int] = []
    for is_shown, group in groupby(range(len(done)), shown.__contains__):
        ats = list(group)
        rows += [done[at] for at in ats] if is_shown else [len(ats)]
    return rows


def describe_sent(each: Examined) -> str:
    body = shorten(each.probe.request.body.decode(errors="replace"), each)
    sent = each.probe.sent if each.remedy else LONG_ID.sub(lambda found: f"{found[0][:8]}..", each.probe.sent)
    return " ".join(filter(None, [sent, body]))


def describe_answer(each: Examined) -> str:
    """Status, type and the beginning of the body."""
    answer = each.probe.answer
    if answer.status is None:
        return answer.error or "nothing"
    kind = answer.headers.get("content-type", "").partition(";")[0]
    shown = shorten(answer.text(), each)
    if answer.body and "json" not in kind:
        shown = f"{kind or 'no content type'}, {len(answer.body)} bytes"
    where = f"location: {answer.headers['location']}" if "location" in answer.headers and answer.status >= 300 else ""
    return " ".join(filter(None, [str(answer.status), where, shown]))


def describe_reading(each: Examined) -> str:
    classified, wanted = each.probe.classified, each.probe.wanted
    observed = f" ({classified.observed})" if classified.observed else ""
    expected = f", not {' or '.join(wanted)}" if classified.outcome not in wanted else ""
    return f"{classified.outcome}{observed}{expected}"


def shorten(text: str, each: Examined) -> str:
    """On one line; the whole of it only where something is wrong."""
    text, limit = " ".join(text.split()), BODY_OF_WRONG_MAX if each.remedy else BODY_MAX
    return text if len(text) <= limit else f"{text[:limit]}..."


def conclude(examination: Examination, remedies: list[str], engine: EngineChoice, log: Path) -> int:
    """0 when everything looks right; else the first thing to fix, as a UsageError. `log` is that of a service which
    onewinner started, if it did.
    """
    if examination.questions.used is not None:
        told = f"the id {examination.questions.used} was used up; take it out of create.ids before the next run"
        print_text(f"\n{told}", "dim")
    for skipped in examination.skipped if not remedies else ():
        print_text(f"not asked: {hide(skipped)}", "dim")
    unproven = list_unproven(engine.has_fixed_processes, engine.target.shares_session)
    for hint in [*examination.questions.hints, *list_exposed(engine.target), *unproven]:
        print_text(f"\ncould be added: {hide(hint)}", "dim")
    if remedies:
        # The first one is the command's message.
        further = {remedy: each for each, remedy in zip(examination.wrong, remedies, strict=True)}
        del further[remedies[0]]
        for remedy, each in further.items():
            print_text(f"\n{hide(f'{each.probe.what}: change {remedy}')}", STYLE[False])
        more = f" ({len(further)} more above)" if further else ""
        tail = hide(read_tail(log)) if any(LOOK in remedy for remedy in remedies) else ""
        raise UsageError(f"{engine.file}: {hide(remedies[0])}{more}{tail}")
    again = shlex.join(["onewinner", "gate", *engine.options])
    done = Text.assemble("\n", (f"all {len(examination.done)} answers look right", STYLE[True]), f"; next: {again}")
    open_console().print(done, soft_wrap=True)
    return PASS
