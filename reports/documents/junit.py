"""junit.xml: a test case per check and per scenario. A failure's message is short; its body has words and commands."""

import re
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from reports.comparison.facts import Facts
from reports.judge.levels.scenarios import sum_scenarios
from reports.judge.levels.unfinished_levels import describe_partial
from reports.judge.text.short_forms import shorten
from reports.judge.verdict import Finding, Judgement, Verdict

NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
MESSAGE_MAX = 300
WORDS_MAX = 4_000  # of one finding
BODY_MAX = 20_000
TAGS = {Verdict.FAIL: "failure", Verdict.UNKNOWN: "error"}


def render_junit(facts: Facts, judgement: Judgement) -> str:
    """The document. A failed check is a failure, an unknown one an error, one without evidence is skipped.

    The cases decide nothing: a check has its result, a scenario the findings that name it.
    """
    partial = describe_partial(facts.levels)
    suites = ET.Element("testsuites", {"name": clean(f"onewinner: {partial}")} if partial else {})
    checks = [(each.check, each.verdict, each.reason, each.findings) for each in judgement.checks]
    # A run that is unknown for a reason outside of all checks must fail a CI job, too.
    if judgement.verdict is Verdict.UNKNOWN and not any(verdict is Verdict.UNKNOWN for _, verdict, *_ in checks):
        checks.append(("run", Verdict.UNKNOWN, judgement.reason, ()))
    add_suite(suites, facts, "checks", checks)
    scenarios = [
        (each.scenario, each.verdict, each.reason, each.findings) for each in sum_scenarios(facts.levels, judgement)
    ]
    if scenarios:
        add_suite(suites, facts, "scenarios", scenarios)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def add_suite(
    suites: ET.Element,
    facts: Facts,
    kind: str,
    cases: Sequence[tuple[str, Verdict | None, str, Sequence[Finding]]],
) -> None:
    verdicts = [verdict for _, verdict, _, _ in cases]
    suite = ET.SubElement(
        suites,
        "testsuite",
        name=f"onewinner {clean(facts.name)[:MESSAGE_MAX]} {kind}".replace("  ", " "),
        tests=str(len(cases)),
        failures=str(verdicts.count(Verdict.FAIL)),
        errors=str(verdicts.count(Verdict.UNKNOWN)),
        skipped=str(verdicts.count(None)),
        timestamp=clean(facts.started_at or ""),
    )
    for name, verdict, reason, findings in cases:
        case = ET.SubElement(suite, "testcase", classname=f"onewinner.{kind}", name=clean(name)[:MESSAGE_MAX])
        add_outcome(case, verdict, reason, findings, facts)


def add_outcome(
    case: ET.Element, verdict: Verdict | None, reason: str, findings: Sequence[Finding], facts: Facts
) -> None:
    if verdict is None:
        ET.SubElement(case, "skipped", message=shorten(clean(reason), MESSAGE_MAX))
    elif verdict is not Verdict.PASS:
        title = clean(findings[0].title if findings else reason)
        found = ET.SubElement(case, TAGS[verdict], message=shorten(title, MESSAGE_MAX))
        found.text = clean(write_body(findings, facts.command))


def write_body(findings: Iterable[Finding], command: str) -> str:
    """The words of the first findings and the command of each, then the command of the whole run."""
    parts, length = [], 0
    for finding in findings:
        words = finding.words or finding.title
        cut = "\n(cut; all of it is in run.json)" if len(words) > WORDS_MAX else ""
        again = f"\nagain: {finding.command[:MESSAGE_MAX]}" if finding.command else ""
        part = f"{words[:WORDS_MAX]}{cut}{again}"
        length += len(part)
        if length > BODY_MAX:
            parts.append("(more findings are in run.json)")
            break
        parts.append(part)
    return "\n\n".join([*parts, *([f"the same run again: {command[:WORDS_MAX]}"] if command else [])])


def clean(text: str) -> str:
    """The text without the characters that XML cannot carry."""
    return NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
