"""summary.md: failure first, small enough for a CI's step summary."""

import re
from collections.abc import Sequence

from reports.comparison.comparison_result import Change, Comparison
from reports.comparison.description import (
    describe_checks,
    describe_measure,
    describe_method,
    describe_result,
    order_measures,
    show_ratio,
)
from reports.comparison.facts import DefectRow, Facts, Reproduction, ViolatingSchedule
from reports.comparison.measure_tables import Table, tabulate
from reports.documents.pairings import describe_pairings
from reports.documents.strength import describe_strength
from reports.judge.evidence.faults import describe_faults
from reports.judge.levels.proxy_facts import describe_endings, describe_unscheduled
from reports.judge.levels.run_plan import LevelRun
from reports.judge.levels.unfinished_levels import describe_partial
from reports.judge.text.short_forms import capital
from reports.judge.verdict import CheckResult, Judgement, Verdict

BYTES_MAX = 1_000_000
FINDINGS_MAX = 5
WORDS_MAX = 8_000
MARK = {Verdict.PASS: "pass", Verdict.FAIL: "**FAIL**", Verdict.UNKNOWN: "**unknown**", None: "not applicable"}
HEADLINE = {
    Verdict.PASS: "Exactly one winner, as far as this run can see",
    Verdict.FAIL: "Not correct",
    Verdict.UNKNOWN: "Undecided: this run proves nothing",
}
OF_UNITS = "No unit was given out twice, as far as this run can see"
HARNESS = {
    Verdict.PASS: "The judge catches what it promises, and accuses no other engine",
    Verdict.FAIL: "The judge is not to be trusted",
    Verdict.UNKNOWN: "Undecided: nothing is known of the judge",
}


def render_summary(facts: Facts, judgement: Judgement) -> str:
    """The document, Markdown, at most BYTES_MAX bytes."""
    passed = judgement.verdict is Verdict.PASS
    failed = ", ".join(result.check for result in judgement.checks if result.verdict is Verdict.FAIL)
    title = ": ".join(filter(None, [headline(facts, judgement), failed or escape(describe_partial(facts.levels))]))
    parts = [f"# onewinner: {title}", escape(sentence(judgement.reason))]
    for result in judgement.checks:
        if result.verdict in (Verdict.FAIL, Verdict.UNKNOWN):
            parts += render_findings(result)
    parts += [render_reproduction(each) for each in facts.reproductions]
    parts += [render_schedule(each) for each in facts.schedules[:1]]
    parts += render_comparison(facts.comparison)
    parts += ["## Checks", render_table(judgement)] if judgement.checks else []
    parts += [render_strength(proven)] if passed and (proven := describe_strength(facts)) else []
    parts += [render_defects(facts.defects)] if facts.defects else []
    parts += [render_measure(table) for table in tabulate(facts.measures)]
    parts += ["## This run", render_facts(facts, judgement)]
    text = "\n\n".join(parts) + "\n"
    if len(text.encode()) > BYTES_MAX:
        text = text.encode()[: BYTES_MAX - 100].decode(errors="ignore") + "\n\n(cut; the rest is in run.json)\n"
    return text


def headline(facts: Facts, judgement: Judgement) -> str:
    """What the verdict says: about an engine or, for the kill matrix, about the judge."""
    if judgement.verdict is Verdict.PASS and is_of_units(judgement):
        return OF_UNITS
    return (HARNESS if facts.defects and not judgement.checks else HEADLINE)[judgement.verdict]


def is_of_units(judgement: Judgement) -> bool:
    """Whether takes were judged, and nothing that has states."""
    applied = {result.check for result in judgement.checks if result.verdict is not None}
    return "capacity" in applied and "linearizable" not in applied


def render_reproduction(plan: Reproduction) -> str:
    """A failing plan, as small as shrinking could make it."""
    sizes = " and ".join(str(size) for size in plan.branches)
    words = f"{plan.name}, branches of {sizes}, reproduced in {plan.failed} of {plan.repeats} repeats: {plan.kind}."
    return f"## The smallest plan that fails\n\n{escape(words)}\n\nRun it again: {code(plan.command)}"


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


def render_comparison(comparison: Comparison | None) -> list[str]:
    """What changed against the baseline; the failing checks first."""
    if comparison is None:
        return []
    lines = [f"- {escape(words)}" for words in describe_checks(comparison)]
    lines += [
        f"- **{change.verdict}**: {escape(f'{change.title} {show_ratio(change)}')}: {escape(describe_measure(change))}"
        for change in order_measures(comparison.measures)
        if change.verdict is not Change.SAME
    ]
    notes = [escape(sentence(note)) for note in (describe_method(comparison), *comparison.notes) if note]
    result = escape(capital(sentence(describe_result(comparison))))
    return [f"## Against {code(comparison.baseline)}", result, *(["\n".join(lines)] if lines else []), *notes]


def render_defects(rows: Sequence[DefectRow]) -> str:
    """The kill matrix: a line for each engine, a column for each level."""
    levels = list(dict.fromkeys(row.level for row in rows))
    engines: dict[str, dict[str, str]] = {}
    for row in rows:
        cell = f"{row.status} {row.caught} of {row.seeds}" if row.seeds else row.status
        engines.setdefault(row.name, {"check": row.check or "none may fail"})[row.level] = cell
    lines = [["engine", "promised check", *levels], ["---"] * (2 + len(levels))]
    for name, mine in engines.items():
        lines.append([escape(name), *(escape(mine.get(key, "")) for key in ("check", *levels))])
    return "## The kill matrix\n\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def render_schedule(found: ViolatingSchedule) -> str:
    """The smallest schedule that violates."""
    body = "\n\n".join(filter(None, [fence(found.trace), escape(found.sentence)]))
    head = f"## The smallest schedule that fails\n\n{escape(found.kind)}"
    return f"{head}\n\n{body}\n\nRun it again: {code(found.command)}"


def render_strength(lines: Sequence[str]) -> str:
    return "## How much this proves\n\n" + "\n".join(f"- {escape(line)}" for line in lines)


def render_measure(table: Table) -> str:
    lines = [table.head, tuple(["---"] + ["---:"] * (len(table.head) - 1)), *table.rows]
    rows = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"## {table.title}\n\n{escape(table.note)}\n\n{rows}"


def render_facts(facts: Facts, judgement: Judgement) -> str:
    counted = ", ".join(f"{name} {count:,}" for name, count in judgement.counts.items())
    measures = facts.measures
    ended = describe_endings(measures.endings)
    lines = [f"- **{escape(ended)}**"] if ended else []
    faults = (describe_faults(measures.faults), describe_unscheduled(measures.unscheduled))
    lines += [f"- {line}" for line in (counted, *map(escape, faults)) if line]
    lines += [f"- {level.level}: {escape(describe_level(level))}" for level in facts.levels]
    lines += [f"- {escape(line)}" for line in describe_pairings(facts.pairings)]
    plain = {name: getattr(facts, name) for name in ("target", "database", "seed", "profile", "started_at")}
    lines += [f"- {name}: {escape(str(value))}" for name, value in plain.items() if value not in (None, "")]
    if facts.command:
        lines.append(f"- the same run again: {code(facts.command)}")
    return "\n".join(lines)


def describe_level(level: LevelRun) -> str:
    """How much of its plan a level ran, and each of its scenarios."""
    parts = [f"{level.run} of {level.planned} {level.unit} in {level.seconds} s"]
    parts += [f"{part.scenario} {part.run} of {part.planned} {part.unit}" for part in level.scenarios]
    parts += [f"{name} is not applicable: {why}" for name, why in level.not_applicable.items()]
    if level.restarts:
        parts.append(f"{level.restarts} lined up again because a connection died before the release")
    return "; ".join(parts)


def sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) or not text else f"{text}."


def escape(text: str) -> str:
    """The text as text: no markup, no HTML, one line."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|#!~])", r"\\\1", text)


def code(text: str) -> str:
    """The text as inline code, also a text with backticks."""
    text = " ".join(text.split())
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fence(text: str) -> str:
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}text\n{text.rstrip()}\n{ticks}"
