"""summary.md: failure first, small enough for a CI's step summary."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reports.comparison import Change, MeasureChange, Standing, find_comparison
from reports.measures import Table, tabulate
from reports.verdict import CheckResult, Judgement, Verdict

BYTES_MAX = 1_000_000
FINDINGS_MAX = 5
WORDS_MAX = 8_000
MARK = {Verdict.PASS: "pass", Verdict.FAIL: "**FAIL**", Verdict.UNKNOWN: "**unknown**", None: "not applicable"}
HEADLINE = {
    Verdict.PASS: "Exactly one winner, as far as this run can see",
    Verdict.FAIL: "Not correct",
    Verdict.UNKNOWN: "Undecided: this run proves nothing",
}


def render_summary(facts: Mapping[str, Any], judgement: Judgement) -> str:
    """The document, Markdown, at most BYTES_MAX bytes."""
    parts = [f"# onewinner: {HEADLINE[judgement.verdict]}", escape(sentence(judgement.reason))]
    for result in judgement.checks:
        if result.verdict in (Verdict.FAIL, Verdict.UNKNOWN):
            parts += render_findings(result)
    parts += render_comparison(facts)
    parts += ["## Checks", render_table(judgement)]
    parts += [render_defects(facts["defects"])] if facts.get("defects") else []
    parts += [render_measure(table) for table in tabulate(facts)]
    parts += ["## This run", render_facts(facts, judgement)]
    text = "\n\n".join(parts) + "\n"
    if len(text.encode()) > BYTES_MAX:
        text = text.encode()[: BYTES_MAX - 100].decode(errors="ignore") + "\n\n(cut; the rest is in run.json)\n"
    return text


def render_findings(result: CheckResult) -> list[str]:
    shown = result.findings[:FINDINGS_MAX]
    parts = [f"## {result.check}: {len(shown)} of {result.findings_total} shown" if shown else f"## {result.check}"]
    if not shown:
        parts.append(escape(sentence(result.reason)))
    for finding in shown:
        parts.append(escape(sentence(finding.title)))
        if finding.words:
            parts.append(fence(finding.words[:WORDS_MAX]))
        if finding.command:
            parts.append(f"Judge it again: {code(finding.command)}")
    return parts


def render_table(judgement: Judgement) -> str:
    rows = ["| check | verdict | judged | |", "|---|---|---:|---|"]
    for result in judgement.checks:
        judged = f"{result.judged:,} {result.unit}" if result.verdict is not None else ""
        rows.append(f"| {result.check} | {MARK[result.verdict]} | {judged} | {escape(result.reason)} |")
    return "\n".join(rows)


def render_comparison(facts: Mapping[str, Any]) -> list[str]:
    """What changed against the baseline; the newly failing checks first."""
    comparison = find_comparison(facts)
    if comparison is None:
        return []
    lines = [
        f"- **{standing}**: {', '.join(found)}"
        for standing in Standing
        if standing is not Standing.SAME and (found := comparison.having(standing))
    ]
    lines += [
        f"- **{measure.verdict}**: {escape(measure.title)}{show_ratio(measure)}: {escape(sentence(measure.reason))}"
        for change in (Change.REGRESSED, Change.IMPROVED, Change.INCONCLUSIVE)
        for measure in comparison.turning(change)
    ]
    lines += [f"- {escape(sentence(note))}" for note in comparison.notes]
    return [f"## Against {code(comparison.baseline)}", "\n".join(lines or ["Nothing changed."])]


def show_ratio(measure: MeasureChange) -> str:
    known = f", acknowledged until {measure.acknowledged.expires}" if measure.acknowledged else ""
    return known if measure.ratio is None else f" {measure.ratio - 1:+.1%}{known}"


def render_defects(rows: Sequence[Mapping[str, Any]]) -> str:
    """The kill matrix, what is not as promised first."""
    levels = list(dict.fromkeys(level for row in rows for level in row["levels"]))
    lines = [["engine", "verdict", "promised", *levels], ["---"] * (3 + len(levels))]
    for row in sorted(rows, key=lambda row: row["verdict"] == "ok"):
        caught = (row["levels"].get(level) for level in levels)
        cells = (f"{each['caught']} of {each['seeds']}" if each else "" for each in caught)
        lines.append([escape(row["name"]), escape(row["verdict"]), escape(row["check"] or "nothing"), *cells])
    return "## The kill matrix\n\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def render_measure(table: Table) -> str:
    lines = [table.head, tuple(["---"] + ["---:"] * (len(table.head) - 1)), *table.rows]
    rows = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"## {table.title}\n\n{escape(table.note)}\n\n{rows}"


def render_facts(facts: Mapping[str, Any], judgement: Judgement) -> str:
    counted = ", ".join(f"{name} {count:,}" for name, count in judgement.counts.items())
    lines = [f"- {counted}"] if counted else []
    lines += [f"- {level['level']}: {escape(show_level(level))}" for level in facts.get("levels", ())]
    plain = [name for name in ("target", "database", "seed", "profile", "started_at") if facts.get(name) is not None]
    lines += [f"- {name}: {escape(str(facts[name]))}" for name in plain]
    if facts.get("command"):
        lines.append(f"- the same run again: {code(str(facts['command']))}")
    return "\n".join(lines)


def show_level(level: Mapping[str, Any]) -> str:
    """What a level got to, and what it did not; of each scenario too, where it has several."""
    parts = [f"{level['run']} of {level['planned']} {level['unit']} in {level['seconds']} s"]
    parts += [
        f"{part['scenario']} {part['run']} of {part['planned']} {part['unit']}" for part in level.get("scenarios", ())
    ]
    parts += [f"{name} is not applicable: {why}" for name, why in level.get("not_applicable", {}).items()]
    if level.get("restarts"):
        parts.append(f"{level['restarts']} lined up again because a connection died before the release")
    return "; ".join(parts)


def sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) or not text else f"{text}."


def escape(text: str) -> str:
    """The text as text: no markup, no HTML, one line."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|#!~])", r"\\\1", text)


def code(text: str) -> str:
    """The text as inline code, whatever backticks are in it."""
    text = " ".join(text.split())
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fence(text: str) -> str:
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}text\n{text.rstrip()}\n{ticks}"
