"""Goal: one client sends legal and illegal requests in any order, and each gets the one right answer.

Method: first every illegal pair of states and every legal edge once, in a fixed order; then batches of random
sequences. pytest runs this file as the level `sequential`.
"""

import time
from pathlib import Path

from hypothesis import Phase

from engine.target.target import Target
from load.client.asker import Asker
from load.client.release import Release
from reports.history.journal import Journal
from stateful_tests.level_report import MismatchError, report_level
from stateful_tests.options import Options
from stateful_tests.reference_probes import Probes
from stateful_tests.sequential.batches import Batches
from stateful_tests.sequential.checked_workflows import CheckedWorkflows
from stateful_tests.sequential.sweep import ask_refused, make_legal, plan_legal, plan_refused

SOURCE = "sequential-0"
# The share of the time limit for the sweeps, before the first batch.
SWEEP_SHARE = 0.5


def try_sweeps(workflows: CheckedWorkflows, deadline: float) -> MismatchError | None:
    """The first mismatch, to be raised at the end: the other sweep and the batches may show more of that mistake."""
    first, target = None, workflows.target
    for sweep, ask in ((plan_refused(target), ask_refused), (plan_legal(target), make_legal)):
        found = None
        try:
            ask(workflows, sweep, deadline)
        except MismatchError as error:
            found = error
        sweep.record(workflows.asker, met_mismatch=found is not None)
        first = first or found
    return first


def test_sequential(target: Target, history: Path, options: Options) -> None:
    phases = [Phase.generate] if options.no_shrink else [Phase.generate, Phase.shrink]
    probes = Probes() if target.name == "reference" else None
    release, journal = Release(target.base_url, target.timeout_s), Journal(history / f"{SOURCE}.jsonl")
    asker = Asker(target, release, journal, "sequential")
    began, batches = time.monotonic(), Batches(asker, probes, options.seed, options.batches)
    with report_level(asker, "sequential", "batches", batches):
        mismatch = None
        if target.has_workflow:
            mismatch = try_sweeps(CheckedWorkflows(asker, probes), began + SWEEP_SHARE * options.limit_s)
        while batches.goes_on and (batches.run == 0 or time.monotonic() - began < options.limit_s):
            batches.try_next(phases)
        if mismatch is not None:
            raise mismatch
