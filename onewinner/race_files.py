"""What came of the levels behind the proxy: which pairings were exhausted, and the smallest schedules that violate.

Each such schedule becomes a race file in the run directory, which `onewinner explore --replay` runs again.
"""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from msgspec.structs import astuple

from engine.target.graph import TransitionGraph
from onewinner.engine_choice import EngineChoice
from onewinner.level_plans import Level
from onewinner.run_request import RunRequest
from reports.comparison.facts import Pairing, ViolatingSchedule
from reports.documents.pairings import tabulate_kinds
from reports.documents.run_folder import Run
from reports.history.events import Exploration
from reports.history.history import History
from reports.judge.judge import judge
from reports.judge.levels.race_file_format import RACE_FORMAT, Race, RaceRequest, write_race
from reports.judge.levels.schedules import LEFT, NAMES, UNDECIDED, Schedule, draw_trace, read_schedules
from reports.judge.limits import Limits
from reports.judge.text.schedule_explanation import explain_schedule
from reports.judge.text.short_forms import count
from reports.judge.verdict import Judgement, Verdict

FINDINGS_MAX = 100_000
RACES_MAX = 20
TIMES = 10
# Workflow -> check -> title.
Violated = Mapping[str, Mapping[str, str]]


def gather_schedules(
    run: Run, history: History, request: RunRequest
) -> tuple[tuple[Pairing, ...], tuple[ViolatingSchedule, ...]]:
    """The pairings, and the smallest schedules that violate; none where no level ran behind the proxy.

    Writes the race files.
    """
    proxied = {source: level for level in request.levels if level.proxy is not None for source in level.sources}
    if not proxied:
        return (), ()
    schedules, engine = read_schedules(history), request.engine
    violated = find_violated(run.judgement, history, engine.target.graph)
    names = {source: level.name for source, level in proxied.items()}
    pairings = tabulate_kinds(history, schedules, violated.keys(), names)
    return tuple(pairings), write_schedules(run, history, schedules, violated, proxied, engine)


def find_violated(judgement: Judgement, history: History, graph: TransitionGraph) -> dict[str, dict[str, str]]:
    """Everything that a check found in the workflow of a schedule, about a request that was sent in it or later.

    Several workflows are prepared at one instant, in no order that a schedule chose: what goes wrong there shows
    nothing of the schedule.
    """
    schedules = read_schedules(history)
    failed = [check.check for check in judgement.checks if check.verdict is Verdict.FAIL]
    if not failed or not schedules:
        return {}
    began = {workflow: schedule.began_ns or 0 for schedule in schedules for workflow in schedule.workflows}
    found_all = judge(history, graph, only=failed, limits=Limits(findings_max=FINDINGS_MAX))
    rows = history.frame.select("id", "workflow", "invoked_ns").collect().iter_rows()
    asked = {id_: (workflow, invoked_ns) for id_, workflow, invoked_ns in rows}
    found: dict[str, dict[str, str]] = {}
    for finding in found_all.findings:
        about = [asked[str(each)] for each in finding.operations]
        workflow = finding.workflow or next((each for each, _ in about), None)
        if finding.verdict is not Verdict.FAIL or workflow not in began:
            continue
        if not about or any(invoked_ns >= began[workflow] for _, invoked_ns in about):
            found.setdefault(workflow, {}).setdefault(finding.check, finding.title)
    return found


def sort_violating(schedules: Sequence[Schedule], violated: Violated) -> list[Schedule]:
    """The schedules that violate, those without a fault and then the smallest first. What more checks see is the surer
    to be seen again; what can be explained comes before what cannot.
    """
    bad = [each for each in schedules if any(workflow in violated for workflow in each.workflows)]

    def rank(each: Schedule) -> tuple[Any, ...]:
        return (*each.size[:4], -len(list_found(each, violated)), not explain_schedule(each), *each.size[4:])

    return sorted(bad, key=rank)


def list_found(schedule: Schedule, violated: Violated) -> dict[str, str]:
    """What the checks found in the workflows of a schedule."""
    return {check: title for workflow in schedule.workflows for check, title in violated.get(workflow, {}).items()}


def write_schedules(
    run: Run,
    history: History,
    schedules: Sequence[Schedule],
    violated: Violated,
    proxied: Mapping[str, Level],
    engine: EngineChoice,
) -> tuple[ViolatingSchedule, ...]:
    """The smallest violating schedule of each kind of pairing, each with a race file of its own."""
    explored = {(source, event.pairing): event for source, event in history.by_source(Exploration)}
    chosen: dict[str, ViolatingSchedule] = {}
    for schedule in sort_violating(schedules, violated):
        pairing = explored.get((schedule.source, schedule.pairing))
        if pairing is None or pairing.kind in chosen or len(chosen) >= RACES_MAX:
            continue
        found, file = list_found(schedule, violated), f"races/race-{len(chosen) + 1}.json"
        write_race(run.folder / file, make_race(schedule, pairing, found, proxied[schedule.source], engine))
        chosen[pairing.kind] = ViolatingSchedule(
            kind=pairing.kind,
            schedule=schedule.order,
            checks=found,
            trace=draw_trace(schedule),
            sentence=explain_schedule(schedule),
            file=file,
            command=describe_replay(run, file, engine),
        )
    return tuple(chosen.values())


def make_race(
    schedule: Schedule, pairing: Exploration, found: Mapping[str, str], level: Level, engine: EngineChoice
) -> Race:
    """The schedule as data that can be run again."""
    assert level.proxy is not None
    requests = tuple(RaceRequest(name, *astuple(each)) for name, each in zip(NAMES, pairing.actions, strict=False))
    isolation = engine.database_isolation
    parameters = {} if isolation is None else {"default_transaction_isolation": isolation}
    return Race(
        RACE_FORMAT,
        engine.target.name,
        next(iter(found.values())),
        pairing.state,
        requests,
        schedule.order,
        tuple(found),
        {number: step.fault for number, step in enumerate(schedule.steps, start=1) if step.fault},
        (*engine.service_arguments, *level.proxy.arguments),
        {**parameters, **level.proxy.parameters},
        schedule.steps,
        len(schedule.workflows) > 1,
        schedule.wait_s,
        schedule.lead,
    )


def describe_replay(run: Run, file: str, engine: EngineChoice) -> str:
    """The command that runs a race file again: the engine's options are those that the file does not hold. It holds the
    defect or the control, so the target is named, which these would choose by themselves.
    """
    place = replace(engine, defect=None, control=None).place_options
    workers = ["--workers", str(engine.workers)] if engine.workers is not None else []
    options = [*place, *workers, "--replay", str(run.folder / file), "--times", str(TIMES)]
    return shlex.join(["onewinner", "explore", *options])


def find_strayed(history: History) -> str | None:
    """That no replay followed the recorded order, in words: then none shows what the race file recorded."""
    schedules = read_schedules(history)
    if not schedules or not all(LEFT in each.remarks for each in schedules):
        return None
    replays = f"each of the {len(schedules)} replays" if len(schedules) > 1 else "the replay"
    return f"{replays} left the recorded order, so nothing shows what the race file recorded"


def find_undecided(history: History) -> str | None:
    """The schedules whose outcome is not known, in words; None when there is none.

    One that was run again, and then to its end, is decided.
    """
    schedules = read_schedules(history)
    decided = {each.identity for each in schedules if not each.remarks & UNDECIDED}
    lost = {each.identity: each for each in schedules if each.remarks & UNDECIDED}
    why = Counter(explain_undecided(each) for key, each in lost.items() if key not in decided)
    told = "; ".join(f"{number}, since {reason}" for reason, number in why.most_common())
    return f"the outcome of {count(why.total(), 'schedule')} is not known: of {told}" if why else None


def explain_undecided(schedule: Schedule) -> str:
    if "hung" in schedule.remarks:
        return "no request went on for as long as one may take"
    if "diverged" in schedule.remarks:
        return "the same choices led to other statements than before"
    return "a statement may have come from two requests, or from the service's own work"
