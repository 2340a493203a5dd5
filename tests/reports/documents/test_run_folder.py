"""Goal: a run directory says "unknown" until it says more, and what was written is read back the same."""

from pathlib import Path

import pytest
from msgspec import structs

from reports.comparison.facts import Facts
from reports.documents.run_folder import RunError, begin_run, finish_run, name_folder, read_run, with_judgement
from reports.judge.levels.run_plan import RunPlan
from reports.judge.verdict import CheckResult, Finding, Judgement, Verdict

FACTS = Facts(name="x", plan=RunPlan(sources=("race-0",)))
FINDING = Finding("one-winner", Verdict.FAIL, "Two won", "Two won: ...", (1, "b"), "w1", "r1", "onewinner check x")
JUDGEMENT = Judgement(
    Verdict.FAIL,
    "one-winner failed",
    (CheckResult("one-winner", Verdict.FAIL, "", 3, "races", (FINDING,), 1), CheckResult("audit", None, "no trail")),
    {"operations": 7},
)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "orders.toml").write_text("name = 'orders'\n")
    return tmp_path / "orders.toml"


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("orders", "orders"),
        ("a/../../x", "a-..-..-x"),
        ("../..", "run"),
        ("a\0b\x1b[2J\n", "a-b-2J"),
        ("é ü", "run"),
        ("x" * 500, "x" * 80),
        ("a\\b:c", "a-b-c"),
    ],
)
def test_a_folder_has_safe_characters_only(name: str, end: str) -> None:
    folder = name_folder(name)
    assert folder.parent == Path("runs")
    assert folder.name.partition("Z-")[2] == end


def test_a_run_is_unknown_from_the_start(tmp_path: Path, target: Path) -> None:
    begin_run(tmp_path / "run", target, FACTS)
    run = read_run(tmp_path / "run")
    assert run.judgement.verdict is Verdict.UNKNOWN
    assert run.judgement.reason == "the run did not finish"
    assert run.facts == FACTS
    assert (tmp_path / "run" / "target.toml").read_text() == "name = 'orders'\n"


def test_a_judgement_is_read_back_the_same(tmp_path: Path, target: Path) -> None:
    run = begin_run(tmp_path / "run", target, FACTS)
    finish_run(with_judgement(run, JUDGEMENT, seed=3))
    read = read_run(tmp_path / "run")
    assert read.judgement == JUDGEMENT
    assert read.facts == structs.replace(FACTS, seed=3)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "history",
        "index.html",
        "junit.xml",
        "run.json",
        "summary.md",
        "target.toml",
    }


def test_a_run_is_never_overwritten(tmp_path: Path, target: Path) -> None:
    begin_run(tmp_path / "run", target, Facts())
    with pytest.raises(RunError, match="is a run directory already"):
        begin_run(tmp_path / "run", target, Facts())


def test_a_run_has_a_folder_of_its_own(tmp_path: Path, target: Path) -> None:
    with pytest.raises(RunError, match="is not empty, and a run directory holds nothing but its run; choose another"):
        begin_run(tmp_path, target, Facts())
    with pytest.raises(RunError, match="cannot be a run directory: Not a directory; choose another --out"):
        begin_run(target, target, Facts())
    assert [path.name for path in tmp_path.iterdir()] == ["orders.toml"], "nothing was put into it"
    (tmp_path / "empty").mkdir()
    assert begin_run(tmp_path / "empty", target, Facts()).history.is_dir()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "is not a run.json of format 2 or older"),
        ('{"format": 99}', "is not a run.json of format 2 or older"),
        ('{"format": 1, "verdict": "pass"}', "is not as docs/run.schema.json says"),
        ('{"format": 2, "verdict": "pass"}', "is not as docs/run.schema.json says"),
        (
            '{"format": 2, "verdict": "fine", "reason": "", "counts": {}, "checks": {}}',
            "is not as docs/run.schema.json",
        ),
        (
            '{"format": 1, "verdict": "fine", "reason": "", "counts": {}, "checks": {}}',
            "is not as docs/run.schema.json says",
        ),
    ],
)
def test_what_is_no_run_is_named(content: str | None, sentence: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunError, match=sentence):
        read_run(tmp_path)
