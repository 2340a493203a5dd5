"""How do I judge a history that another tool recorded?

Converts a compare-and-set register's history, one map per line as Jepsen writes it, line by line into a journal:

    python examples/judge_a_register_history.py register.edn > register.jsonl
    onewinner check register.jsonl --only linearizable --initial nil

A line looks like `{:process 3, :type :invoke, :f :cas, :value [0 3], :time 120000}`. An `:ok` read or write succeeded.
An `:ok` cas won; a `:fail` cas lost, because the value was another one. A `:fail` write changed nothing, and a `:fail`
read tells nothing. `:info` is a timeout: the operation may have taken effect, once, at any later moment. Without
`:time` the number of the line is the time.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

FIELD = re.compile(r":(process|type|f|value|time)\s+(\[[^\]]*\]|:?[^\s,}]+)")
OK = {"read": "ok", "write": "won", "cas": "won"}


def convert(lines: Iterable[str], workflow: str = "register") -> Iterator[str]:
    """A journal line for each line of a client. Raises ValueError, with the line, if a line is no such map."""
    open_ids: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        found = {name: value.lstrip(":") for name, value in FIELD.findall(line)}
        if not found.get("process", "").isdigit():
            if line.strip() and "process" not in found:
                raise ValueError(f"line {number} is no operation: {line.strip()[:80]}")
            continue  # an event of the tool itself (:nemesis)
        process, time_ns = found["process"], int(found.get("time", number))
        if found["type"] == "invoke":
            open_ids[process] = number
            yield json.dumps(invoke(found, number, workflow, time_ns))
        else:
            yield json.dumps(answer(found, open_ids.pop(process), time_ns))


def invoke(found: dict[str, str], number: int, workflow: str, time_ns: int) -> dict[str, Any]:
    line = {"event": "invoke", "id": number, "process": int(found["process"]), "workflow": workflow}
    asked: dict[str, Any] = {"kind": "read"}
    if found["f"] == "write":
        asked = {"kind": "set", "next": found["value"]}
    elif found["f"] == "cas":
        expected, next_state = found["value"].strip("[]").split()
        asked = {"kind": "advance", "expected": expected, "next": next_state}
    return {**line, **asked, "invoked_ns": time_ns}


def answer(found: dict[str, str], identity: int, time_ns: int) -> dict[str, Any]:
    kind, line = found["type"], {"event": "return", "id": identity}
    if kind == "info" or (kind == "fail" and found["f"] == "read"):
        return {**line, "outcome": "unknown"}
    if kind == "fail":
        return {**line, "outcome": "conflict" if found["f"] == "cas" else "refused", "returned_ns": time_ns}
    seen = {"observed": found["value"]} if found["f"] == "read" else {}
    return {**line, "outcome": OK[found["f"]], **seen, "returned_ns": time_ns}


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as recorded:
        for journal_line in convert(recorded):
            print(journal_line)
