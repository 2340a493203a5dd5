"""Goal: an engine that could not be asked is never taken for one that was. Method: the real command, asked for what it
refuses; answers put together."""

from pathlib import Path

from onewinner.kill_matrix import Variant, gather
from onewinner.subprocess_pool import run_jobs
from reports.judge.verdict import Judgement, Verdict

VARIANTS = [Variant("check-then-act", "defect"), Variant("slow", "control")]


def test_a_command_that_leaves_no_run_directory_is_trouble(tmp_path: Path) -> None:
    results = list(run_jobs(VARIANTS, ["--level", "nowhere"], tmp_path, 2))
    assert {each.variant for each in results} == set(VARIANTS)
    for each in results:
        assert each.run is None
        assert "ended with status 2" in each.trouble
        assert "nowhere" in (tmp_path / "logs" / f"{each.variant.name}.log").read_text()


def test_several_verdicts_become_one() -> None:
    right = Judgement(Verdict.PASS, "every cell is as expected", (), {"cells": 2})
    open_, wrong = (Judgement(verdict, verdict, (), {"cells": 1}) for verdict in (Verdict.UNKNOWN, Verdict.FAIL))
    assert gather([right, right]) == Judgement(Verdict.PASS, "every cell is as expected", (), {"cells": 4})
    assert gather([right, open_]) == Judgement(Verdict.UNKNOWN, "unknown", (), {"cells": 3})
    assert gather([right, open_, wrong, wrong]) == Judgement(Verdict.FAIL, "fail; fail", (), {"cells": 5})
    assert gather([]).verdict is Verdict.UNKNOWN
