"""index.html: one self-contained file. The verdict first, then the words of each finding, then the rest."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from reports.measures import Table, tabulate
from reports.summary import HEADLINE, sentence, show_level
from reports.verdict import CheckResult, Finding, Judgement, Verdict

FINDINGS_MAX = 10
WORDS_MAX = 20_000
LABEL = {Verdict.PASS: "pass", Verdict.FAIL: "fail", Verdict.UNKNOWN: "unknown", None: "not applicable"}

STYLE = """
:root { color-scheme: light dark; --ink: #1d2129; --paper: #fdfdfb; --faint: #5d6470; --line: #d9dbd5;
  --pass: #1a7340; --fail: #b3261e; --unknown: #8a5a00; --none: #5d6470; --panel: #f3f3ee; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e7e3; --paper: #16181b; --faint: #a2a8b0; --line: #363a40;
  --pass: #6fcf97; --fail: #ff8a80; --unknown: #f0b95b; --none: #a2a8b0; --panel: #1f2226; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .2rem 0; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; }
.verdict { border-left: .4rem solid; padding: .2rem 0 .2rem 1rem; }
.verdict p { margin: .3rem 0; } .kicker { text-transform: uppercase; letter-spacing: .08em; font-weight: 600; }
.pass { color: var(--pass); } .fail { color: var(--fail); } .unknown { color: var(--unknown); }
.none { color: var(--none); } .verdict h1, .verdict p { color: var(--ink); } .verdict .kicker { color: inherit; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
td.number { text-align: right; white-space: nowrap; } td.word { font-weight: 600; white-space: nowrap; }
pre, code { font: .85rem/1.45 ui-monospace, monospace; }
pre { background: var(--panel); padding: .8rem; overflow-x: auto; }
code { overflow-wrap: anywhere; } article { margin: 1.2rem 0; } article p { margin: .4rem 0; }
.faint { color: var(--faint); }
@media print { body { max-width: none; } pre { white-space: pre-wrap; } }
"""


def render_page(facts: Mapping[str, Any], judgement: Judgement) -> str:
    """The document. It loads nothing, and shows whatever an engine answered as text."""
    name = escape(str(facts.get("target", "")))
    body = "\n".join(
        (
            render_verdict(facts, judgement),
            render_all_findings(judgement),
            render_checks(judgement.checks),
            *map(render_measure, tabulate(facts)),
        )
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{LABEL[judgement.verdict]}: onewinner {name}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n{render_facts(facts, judgement)}\n</main>\n</body>\n</html>\n"
    )


def render_verdict(facts: Mapping[str, Any], judgement: Judgement) -> str:
    again = f"<p>The same run again: <code>{escape(str(facts['command']))}</code></p>" if facts.get("command") else ""
    return (
        f'<header class="verdict {judgement.verdict}"><p class="kicker">{LABEL[judgement.verdict]}</p>'
        f"<h1>{HEADLINE[judgement.verdict]}</h1><p>{escape(sentence(judgement.reason))}</p>{again}</header>"
    )


def render_all_findings(judgement: Judgement) -> str:
    return "\n".join(render_findings(result) for result in judgement.checks if result.findings)


def render_findings(result: CheckResult) -> str:
    shown = result.findings[:FINDINGS_MAX]
    count = f'<span class="faint">({len(shown)} of {result.findings_total} shown)</span>'
    return f"<section><h2>{escape(result.check)} {count}</h2>{''.join(map(render_finding, shown))}</section>"


def render_finding(finding: Finding) -> str:
    """Its words, which begin with the title, only more fully; what follows the first empty line is a table."""
    text, _, table = (finding.words or sentence(finding.title))[:WORDS_MAX].partition("\n\n")
    told = "<br>".join(escape(line) for line in text.splitlines())
    shown = f"<pre>{escape(table)}</pre>" if table else ""
    again = f"<p>Judge it again: <code>{escape(finding.command)}</code></p>" if finding.command else ""
    return f"<article><p>{told}</p>{shown}{again}</article>"


def render_checks(checks: Iterable[CheckResult]) -> str:
    rows = "".join(
        f'<tr><td>{escape(result.check)}</td><td class="word {result.verdict or "none"}">{LABEL[result.verdict]}</td>'
        f'<td class="number">{show_judged(result)}</td><td>{escape(result.reason)}</td></tr>'
        for result in checks
    )
    head = "<tr><th>check</th><th>verdict</th><th>judged</th><th></th></tr>"
    return f'<section><h2>Checks</h2><div class="scroll"><table>{head}{rows}</table></div></section>'


def render_measure(table: Table) -> str:
    """A table of numbers; what an engine answered is not in it."""
    head = "".join(f"<th>{escape(title)}</th>" for title in table.head)
    rows = "".join(render_row(first, *rest) for first, *rest in table.rows)
    note = f'<p class="faint">{escape(table.note)}</p>'
    return (
        f"<section><h2>{escape(table.title)}</h2>{note}"
        f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div></section>'
    )


def render_row(first: str, *rest: str) -> str:
    numbers = "".join(f'<td class="number">{escape(cell)}</td>' for cell in rest)
    return f"<tr><td>{escape(first)}</td>{numbers}</tr>"


def show_judged(result: CheckResult) -> str:
    return f"{result.judged:,} {escape(result.unit)}" if result.verdict is not None else ""


def render_facts(facts: Mapping[str, Any], judgement: Judgement) -> str:
    levels = {f"level {level['level']}": show_level(level) for level in facts.get("levels", ())}
    plain = {
        name: facts[name]
        for name in ("target", "database", "seed", "profile", "started_at", "finished_at")
        if name in facts
    }
    versions = {f"{name} version": version for name, version in facts.get("versions", {}).items()}
    counts = {name: f"{count:,}" for name, count in judgement.counts.items()}
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>"
        for name, value in {**counts, **levels, **plain, **versions}.items()
    )
    return f'<section><h2>This run</h2><div class="scroll"><table>{rows}</table></div></section>'
