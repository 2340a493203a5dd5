"""The text of findings about idempotency keys. Data in, text out; the first record is the answer that counts."""

from collections.abc import Sequence

from reports.history.history import Record
from reports.judge.text.call_table import describe_answer
from reports.judge.text.finding_text import Text, name, tabulate
from reports.judge.text.short_forms import capital


def describe_other_answer(records: Sequence[Record]) -> Text:
    first, other = records[0], records[1]
    title = f"{capital(name(other))} carried key {first.key} again and got another answer than {first.id}."
    ids = [record.read_detail().server_id for record in (first, other)]
    if None not in ids and ids[0] != ids[1]:
        title = (
            f"{capital(name(other))} carried key {first.key} again and created {ids[1]}, though {first.id} had created "
            f"{ids[0]}."
        )
    words = (
        f"{capital(describe_answer(first))}; {describe_answer(other)}. All requests with one idempotency key are one "
        "operation: each of them gets the first answer, status and body."
    )
    if first.status != other.status:
        words += ' If another status is right for a repeated request, write volatile = [":status"] under [idempotency].'
    return title, tabulate(words, records)


def describe_other_payload(records: Sequence[Record]) -> Text:
    first, other = records[0], records[1]
    title = (
        f"{capital(name(other))} was carried out under key {first.key}, which {first.id} had used for another request."
    )
    words = (
        f"{title} A request that asks for something else under a key that is used already must be refused: its client "
        "takes the stored answer for its own."
    )
    return title, tabulate(words, records)


def describe_refusal(records: Sequence[Record]) -> Text:
    first, other = records[0], records[1]
    title = f"{capital(name(other))} repeated {first.id} with key {first.key} after its answer, and was refused."
    words = f"{title} A request that is repeated with its idempotency key gets the first answer again."
    return title, tabulate(words, records)


def describe_stuck(records: Sequence[Record]) -> Text:
    first, last = records[0], records[1]
    title = f"Key {first.key} stays in progress, though {first.id} got its answer."
    words = (
        f"{capital(name(last))} repeated the request long after that answer, and was told to try again. A client that "
        "lost the answer never gets it: write the answer down with the key, in the transaction that does the work."
    )
    return title, tabulate(words, records)


def describe_untold(counts: Sequence[tuple[str, int]]) -> str:
    """Why no key was judged; `counts` tells how often each outcome came."""
    told = ", ".join(f"{number} {outcome}" for outcome, number in counts)
    return f"no key got a second answer that says how keys are kept ({told})"


def describe_lost(records: Sequence[Record]) -> Text:
    told, lost = records[0], records[1]
    title = (
        f"{capital(name(told))} carried key {told.key} and lost, though {lost.id} with the same key was carried out."
    )
    words = (
        f"{title} The answer to {lost.id} is not known, but without its effect the history has no explanation. A "
        "client that sends its request again gets the answer that it missed; this one is told that it was too late."
    )
    return title, tabulate(words, records)
