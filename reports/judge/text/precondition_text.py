"""The text of findings about versions. Data in, text out."""

from collections.abc import Sequence

from reports.history.history import Record
from reports.judge.text.call_table import describe_move
from reports.judge.text.finding_text import Text, describe_overlap, describe_status, name, tabulate
from reports.judge.text.short_forms import capital, join, shorten, show_state


def describe_lost_update(
    accused: Sequence[Record], sources: Sequence[Record], between: Sequence[Record], shown: Sequence[Record]
) -> Text:
    """Requests that were carried out with a version that was not current: alone, or all of them together."""
    last, every = accused[-1], "both" if len(accused) == 2 else "all"
    if len(accused) == 1:
        title = f"{capital(name(last))} {describe_success(last)} with a version that was no longer current"
    else:
        title = f"{capital(join([name(each) for each in accused]))} were {every} carried out with the same version"
        if len({each.token_carried for each in accused}) > 1:
            title = f"{capital(join([name(each) for each in accused]))} were carried out with contradictory versions"
    said = [describe_source(each) for each in sources]
    said += [f"{each.id} changed workflow {last.workflow} after that: {describe_change(each)}." for each in between]
    said += [f"{each.id} carried the version {show_version(each.token_carried)}." for each in accused]
    if len(accused) == 2:
        said.append(f"{accused[0].id} and {accused[1].id}: {describe_overlap(*accused)}.")
    said.append(f"In no order of the operations was it current for {f'{every} of them' if len(accused) > 1 else 'it'}.")
    return f"{title}: an update was lost.", tabulate(f"{title}: an update was lost.\n" + "\n".join(said), shown)


def describe_change(record: Record) -> str:
    """won B -> C, and told the version 3."""
    told = "" if record.token_told is None else f", and told the version {show_version(record.token_told)}"
    return f"{describe_success(record)}{told}"


def describe_success(record: Record) -> str:
    """won advance B -> C; was accepted (write)."""
    if record.outcome == "unknown":
        return f"must have been carried out ({describe_move(record)}, not answered)"
    return f"won {describe_move(record)}" if record.outcome == "won" else f"was accepted ({describe_move(record)})"


def describe_source(record: Record) -> str:
    state = "" if record.observed is None else f" of the state {show_state(record.observed)}"
    return f"{record.id} had told the version {show_version(record.token_told)}{state}."


def describe_false_stale(accused: Sequence[Record], sources: Sequence[Record], shown: Sequence[Record]) -> Text:
    last = accused[-1]
    title = f"{capital(name(last))} was told that its version is stale{describe_status(last)}, and it was current"
    said = [describe_source(each) for each in sources]
    said.append(f"{last.id} carried the version {show_version(last.token_carried)}.")
    said.append(f"In every order of the operations nothing had changed workflow {last.workflow} in between.")
    return f"{title}.", tabulate(f"{title}.\n" + "\n".join(said), shown)


def describe_contradictory(workflow: str, records: Sequence[Record]) -> Text:
    title = f"The versions that were told of workflow {workflow} contradict each other"
    why = (
        "No order of the operations explains them: different versions were told of one state of the workflow, and "
        "nothing changed it in between.\nWhether a request carried the current one is not known.\n"
        "A value that each read tells anew and that one request uses up, such as the token of a form, is no version: "
        "in the target file, save it under another name than version, and list the answers to a used one in "
        "advance.refused, without advance.stale."
    )
    return f"{title}.", tabulate(f"{title}.\n{why}", records)


def describe_old_version(workflow: str, pairs: Sequence[tuple[Record, Record | None]], shown: Sequence[Record]) -> Text:
    """Moves that told a version from before them; each with the next answer that told one."""
    first = pairs[0][0]
    title = f"{capital(name(first))} told the version of workflow {workflow} from before the move"
    why = (
        "Another answer had told this version before the move began, and no other answer agrees that it is current "
        "after it. A client that goes on with it is told that it is stale."
    )
    return f"{title}.", tabulate("\n".join([f"{title}.", *describe_told(pairs), why]), shown)


def describe_odd_moves(workflow: str, pairs: Sequence[tuple[Record, Record | None]], shown: Sequence[Record]) -> Text:
    """Moves that told another version than the answers after them; each with the next answer that told one."""
    first = pairs[0][0]
    title = f"{capital(name(first))} told a version of workflow {workflow} that no other answer agrees with"
    why = (
        "Without what moves told, the versions agree. Whether a request carried the current one is not known.\n"
        "If what is saved there belongs to the answer and not to the workflow, such as a tag of the answer's text, it "
        "is no version: in the target file, let read.save take it from where only reads have it."
    )
    return f"{title}.", tabulate("\n".join([f"{title}.", *describe_told(pairs), why]), shown)


def describe_told(pairs: Sequence[tuple[Record, Record | None]]) -> list[str]:
    """What each move told, and the next answer."""
    return [
        f"{move.id} {describe_change(move)}."
        + (f" {later.id} told the version {show_version(later.token_told)} after that." if later is not None else "")
        for move, later in pairs
    ]


def describe_told_again(workflows: int) -> str:
    """Of how many workflows a version was told again; empty for none."""
    if not workflows:
        return ""
    of = "a workflow" if workflows == 1 else f"{workflows} workflows"
    return (
        f"the service told a version of {of} again after a transition, as one does that hashes what it stores: a "
        "client that read it before wins with it, and does not learn that the workflow had changed in between"
    )


def show_version(version: str | None) -> str:
    return shorten(version or "", 40)
