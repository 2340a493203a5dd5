"""An unrecorded race: what is wrong with a race of which no history was recorded, as sentences and a picture.

The caller decided what is wrong; nothing here decides anything.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from reports.documents.standalone_picture import draw_lanes, draw_svg
from reports.judge.text.finding_text import PRECONDITION_FAILED, describe_counts, describe_overlap
from reports.judge.text.short_forms import capital, join, shorten

Record = dict[str, Any]


class Call(NamedTuple):
    id: str
    invoked_ns: int
    returned_ns: int | None


NAMED_MAX = 8
# The method, and the server of an absolute URL.
SERVER = re.compile(r"^(\S+ )(https?://[^/?#\s]+)")
SAID_MAX = 200
CLIENT_ERRORS = {
    401: "the requests carry no valid credentials",
    403: "the requests lack a permission, or the token against cross-site request forgery",
    404: "the route or the object does not exist on the server, which may use another database than the test",
    405: "the route does not take this method",
    412: "the value of If-Match is not current: another request was first, or it was stale before the race",
    428: "the requests carry no If-Match, and the server wants one",
}


def explain(
    kind: str, numbers: Sequence[int], records: Sequence[Record], lost: Sequence[int], picture: str | None
) -> str:
    """The words for a finding: a paragraph, the lanes of all requests, and where the picture was written.

    `kind` is winners, no-winner, answer, unknown, one-at-a-time or apart; `numbers` are the records that show it;
    `lost` the statuses that say "lost". A record has id, what, outcome, status, invoked_ns, returned_ns, said and
    location.
    """
    server, records = name_server_once(records)
    shown = [records[number] for number in numbers]
    says = {
        "winners": describe_winners,
        "no-winner": describe_no_winner,
        "answer": describe_answer,
        "unknown": describe_unknown,
        "one-at-a-time": describe_one_at_a_time,
        "apart": describe_apart,
    }
    words = says[kind](shown, records, lost)
    lanes = label(records)
    written = write_picture(picture, lanes, words.splitlines()[0])
    return "\n".join([words, "", f"{describe_release(records)}{server}:", draw_lanes(lanes), *written])


def name_server_once(records: Sequence[Record]) -> tuple[str, Sequence[Record]]:
    """Where all requests went, as the end of a phrase; and the records, whose requests name it no more."""
    places = [SERVER.match(record["what"]) for record in records]
    servers = {place[2] for place in places if place is not None}
    if None in places or len(servers) != 1:
        return "", records
    return f", at {servers.pop()}", [{**record, "what": SERVER.sub(r"\1", record["what"])} for record in records]


def label(records: Sequence[Record]) -> list[Record]:
    """The records; where their requests differ, named by them too."""
    if len({record["what"] for record in records}) == 1:
        return list(records)
    return [{**record, "id": f"{record['id']} {shorten(record['what'])}"} for record in records]


def write_picture(picture: str | None, records: Sequence[Record], title: str) -> list[str]:
    if picture is None:
        return []
    try:
        Path(picture).write_text(draw_svg(records, title), encoding="utf-8")
    except OSError as error:
        return ["", f"(no picture: {picture}: {error.strerror})"]
    return ["", f"The picture: {picture}"]


def describe_winners(winners: Sequence[Record], records: Sequence[Record], lost: Sequence[int]) -> str:  # noqa: ARG001
    count = "both" if len(winners) == 2 else f"all {len(winners)}"
    overlap = describe_overlap(*(Call(each["id"], each["invoked_ns"], each["returned_ns"]) for each in winners[:2]))
    return f"{capital(name_all(winners))} {count} won: {overlap}.\nExactly one of the {len(records)} can have won."


def describe_no_winner(refused: Sequence[Record], records: Sequence[Record], lost: Sequence[int]) -> str:  # noqa: ARG001
    words = [f"No request won: {describe_counts([each['outcome'] for each in records])} among {len(records)} requests."]
    if not refused:
        question = "Was the object in the right state before"
        if any(each["status"] == PRECONDITION_FAILED for each in records):
            question += ", or is the If-Match value stale"
        words.append(f"Every request was told that another one had won. {question}?")
    return "\n".join([*words, *quote(refused[:1])])


def describe_answer(refused: Sequence[Record], records: Sequence[Record], lost: Sequence[int]) -> str:  # noqa: ARG001
    wanted = f"; a loser is to be answered {' or '.join(map(str, lost))}" if lost else ""
    words = f"{capital(name_all(refused))} did not win, and {were(refused)} not told that another one had{wanted}."
    is_stale = bool(lost) and {each["status"] for each in refused} == {PRECONDITION_FAILED}
    named = f"({', '.join(map(str, sorted({*lost, PRECONDITION_FAILED})))})" if is_stale else "..."
    advice = f"If this status is how the server says it, name it: assert_one_winner(lost={named})."
    return "\n".join([words, advice, *quote(refused[:1])])


def describe_unknown(unknown: Sequence[Record], records: Sequence[Record], lost: Sequence[int]) -> str:  # noqa: ARG001
    won = [record for record in records if record["outcome"] == "won"]
    beside = f" beside {won[0]['id']}" if won else ""
    words = f"It is not known which request won: {name_all(unknown)} may have taken effect{beside}"
    words += "; the answer does not say."
    if all(record["status"] is not None and 300 <= record["status"] < 400 for record in unknown):
        words += "\nThe client follows no redirect. If this one means a win, name it: assert_one_winner(won=(302,))."
    return "\n".join([words, *quote(unknown[:1])])


def describe_one_at_a_time(shown: Sequence[Record], records: Sequence[Record], lost: Sequence[int]) -> str:  # noqa: ARG001
    return (
        f"This was no race: the server handles one connection at a time, so the {len(records)} requests never met.\n"
        "A missing guard would pass too. Run the server with threads or several processes: "
        "make_server(..., threaded=True) of Werkzeug, live_server of pytest-django, gunicorn --workers 2."
    )


def describe_apart(shown: Sequence[Record], records: Sequence[Record], lost: Sequence[int]) -> str:  # noqa: ARG001
    return "This was no race: the first request was answered before the second one was whole. Run it again."


def describe_release(records: Sequence[Record]) -> str:
    """POST /orders/1/pay, 10 at once, released within 0.040 ms."""
    kinds = list(dict.fromkeys(record["what"] for record in records))
    what = kinds[0] if len(kinds) == 1 else f"{len(kinds)} different requests"
    invoked = [record["invoked_ns"] for record in records]
    return f"{what}, {len(records)} at once, released within {(max(invoked) - min(invoked)) / 1e6:.3f} ms"


def name_all(records: Sequence[Record]) -> str:
    """Requests #0 and #3 (POST /a, answered 200); each with its own when they differ."""
    same = len({(each["what"], each["status"]) for each in records}) == 1
    tail = f" ({records[0]['what']}, {describe_answered(records[0])})"
    shown = [each["id"] if same else f"{each['id']} ({each['what']}, {describe_answered(each)})" for each in records]
    more = [f"{len(shown) - NAMED_MAX} more"] if len(shown) > NAMED_MAX else []
    return f"request{'s' * (len(records) > 1)} {join([*shown[:NAMED_MAX], *more])}{tail * same}"


def describe_answered(record: Record) -> str:
    return "not answered" if record["status"] is None else f"answered {record['status']}"


def were(records: Sequence[Record]) -> str:
    return "was" if len(records) == 1 else "were"


def quote(records: Sequence[Record]) -> list[str]:
    """What the server said in one of the answers, and what such a status mostly means in a test."""
    said = []
    for record in records:
        where = f" (to {record['location']})" if record["location"] else ""
        text = " ".join(record["said"].split())[:SAID_MAX]
        said.append(f"{record['id']}{where}: {text or 'an empty body'}")
        if record["status"] in CLIENT_ERRORS:
            said.append(f"A {record['status']} mostly means that {CLIENT_ERRORS[record['status']]}.")
    return said
