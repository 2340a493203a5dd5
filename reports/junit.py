"""junit.xml: one test case per check. The failure's message is short; its body has the words and the command."""

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from reports.verdict import CheckResult, Judgement, Verdict

NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
MESSAGE_MAX = 300
BODY_MAX = 20_000


def render_junit(facts: Mapping[str, Any], judgement: Judgement) -> str:
    """The document. A failed check is a failure, an unknown one an error, one without evidence is skipped."""
    verdicts = [result.verdict for result in judgement.checks]
    # What makes the run unknown without being in any check still has to turn a CI red.
    whole = judgement.verdict is Verdict.UNKNOWN and Verdict.UNKNOWN not in verdicts
    suite = ET.Element(
        "testsuite",
        name=f"onewinner {clean(str(facts.get('name', '')))}".strip(),
        tests=str(len(verdicts) + whole),
        failures=str(verdicts.count(Verdict.FAIL)),
        errors=str(verdicts.count(Verdict.UNKNOWN) + whole),
        skipped=str(verdicts.count(None)),
        timestamp=str(facts.get("started_at", "")),
    )
    for result in judgement.checks:
        add_case(suite, result)
    if whole:
        case = ET.SubElement(suite, "testcase", classname="onewinner", name="run")
        ET.SubElement(case, "error", message=clean(judgement.reason)[:MESSAGE_MAX])
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def add_case(suite: ET.Element, result: CheckResult) -> None:
    case = ET.SubElement(suite, "testcase", classname="onewinner", name=clean(result.check))
    if result.verdict is None:
        ET.SubElement(case, "skipped", message=clean(f"not applicable: {result.reason}")[:MESSAGE_MAX])
    elif result.verdict is not Verdict.PASS:
        kind = "failure" if result.verdict is Verdict.FAIL else "error"
        title = result.findings[0].title if result.findings else result.reason
        found = ET.SubElement(case, kind, message=clean(title)[:MESSAGE_MAX])
        texts = [f"{finding.title}\n{finding.words}\nagain: {finding.command}" for finding in result.findings]
        found.text = clean("\n\n".join(texts))[:BODY_MAX]


def clean(text: str) -> str:
    """The text without the characters that XML cannot carry."""
    return NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
