"""Measures a service in turns with the reference engine: what slows the machine slows both, so that two runs of one
machine can be compared although it was slower at one of the two times.
"""

from dataclasses import replace

from load.scenario_quotas import parse_weights
from onewinner.ab import TurnsOptions, record
from onewinner.engine_choice import choose_reference
from onewinner.options import ComparisonOptions
from onewinner.run import judge_run
from onewinner.run_request import RunRequest
from reports.comparison.facts import Measured, Relative
from reports.documents.run_folder import Run, finish_run

FOLDER = "turns"
# As many turns as the time allows, of so many races.
TURNS_MAX, RACES, CONTENDERS = 1000, 40, 10
# The same plan in each session.
SEED = 1


def measure_relative(request: RunRequest, seconds: int) -> tuple[Relative, Run]:
    """What both engines needed for the same plan, turn by turn; and the run of the service that was measured, judged.

    Raises UsageError and FailedError if one of them cannot be started.
    """
    run = replace(
        request.options,
        folder=request.options.folder / FOLDER,
        seed=SEED,
        calibrates=False,
        comparison=ComparisonOptions(),
    )
    engines = (choose_reference(), request.engine)
    names = ("reference", request.engine.name)
    options = TurnsOptions(
        run, names, request.engine.database, parse_weights(""), TURNS_MAX, RACES, seconds, CONTENDERS, turn_times=None
    )
    sides, result = record(options, engines)
    reference, service = (judge_run(side.run, side.request, [result])[0] for side in sides)
    for judged in (reference, service):
        finish_run(judged)
    return Relative(take_measured(service), take_measured(reference), seconds, RACES, CONTENDERS), service


def take_measured(run: Run) -> Measured:
    """Raises ValueError if a measure could not be taken."""
    measures = run.facts.measures
    if measures.blocks is None or measures.strata is None or measures.plan is None:
        raise ValueError("; ".join(measures.errors.values()))
    return Measured(measures.blocks, measures.strata, measures.plan)
