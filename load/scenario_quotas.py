"""Quotas: how much of which scenario each source is to run, known before anything runs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.target.suggestion import suggest
from engine.target.target import Target
from load.scenarios import SCENARIOS
from load.scripts import Scenario
from reports.judge.levels.run_plan import SourceQuota

RACES_DEFAULT = 1000


@dataclass(frozen=True)
class Workload:
    """What a whole run, or one source of it, is to do.

    `amounts` is scenario -> how many of its unit (races or rounds), None for "as many as the time allows";
    `weights` decide what comes next; `obstacles` says why a scenario that was asked for cannot be run.
    """

    amounts: Mapping[str, int | None]
    weights: Mapping[str, int]
    obstacles: Mapping[str, str]

    @property
    def races(self) -> int | None:
        """How many races it has; None without an end."""
        found = [amount for name, amount in self.amounts.items() if SCENARIOS[name].races]
        return None if None in found else sum(amount or 0 for amount in found)

    @property
    def rounds(self) -> int | None:
        """How many rounds it has that are no races; None without an end."""
        found = [amount for name, amount in self.amounts.items() if not SCENARIOS[name].races]
        return None if None in found else sum(amount or 0 for amount in found)


def list_questions() -> dict[str, str]:
    """The question that each scenario answers."""
    return {name: each.question.partition("\n")[0] for name, each in SCENARIOS.items()}


def parse_weights(text: str) -> dict[str, int]:
    """`fork,tenants=2` as scenario -> weight; empty: all with their own weights. Raises ValueError, a sentence."""
    if not text:
        return {name: scenario.weight for name, scenario in SCENARIOS.items()}
    weights: dict[str, int] = {}
    for part in text.split(","):
        name, equals, weight = part.strip().partition("=")
        if name not in SCENARIOS:
            raise ValueError(f"there is no scenario {name!r}{suggest(name, SCENARIOS)}")
        if equals and not (weight.isascii() and weight.isdigit() and 0 < int(weight) <= 10**6):
            raise ValueError(f"the weight of {name} is {weight!r}; it must be a whole number above 0")
        weights[name] = int(weight) if equals else SCENARIOS[name].weight
    return weights


def keep_races(weights: Mapping[str, int]) -> dict[str, int]:
    """The scenarios that race; all of them when none does."""
    return {name: weight for name, weight in weights.items() if SCENARIOS[name].races} or dict(weights)


def make_workload(target: Target, weights: Mapping[str, int], races: int | None) -> Workload:
    """What the run is to do. `races` are divided by weight among the scenarios that race.

    The other scenarios are added in the same proportion, at least one round each. When no scenario races, `races`
    counts their rounds.
    """
    found = {name: find_obstacle(target, SCENARIOS[name]) for name in weights}
    obstacles = {name: obstacle for name, obstacle in found.items() if obstacle is not None}
    fit = {name: weight for name, weight in weights.items() if name not in obstacles}
    if races is None:
        return Workload(dict.fromkeys(fit), fit, obstacles)
    racing = {name: weight for name, weight in fit.items() if SCENARIOS[name].races} or fit
    amounts = apportion(races, racing)
    per_weight = races / (sum(racing.values()) or 1)
    for name, weight in fit.items():
        amounts.setdefault(name, max(1, round(weight * per_weight)))
    return Workload({name: amounts[name] for name in fit}, fit, obstacles)


def find_obstacle(target: Target, scenario: Scenario) -> str | None:
    """Why a scenario cannot be run, or None."""
    if not scenario.takes and not target.has_workflow:
        return "the target has no [workflow]"
    return scenario.find_obstacle(target)


def apportion(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """The total by weight, in whole numbers: the largest remainders are rounded up."""
    whole = sum(weights.values())
    exact = {name: total * weight / whole for name, weight in weights.items()}
    amounts = {name: int(amount) for name, amount in exact.items()}
    by_remainder = sorted(exact, key=lambda name: amounts[name] - exact[name])
    for name in by_remainder[: total - sum(amounts.values())]:
        amounts[name] += 1
    return amounts


def take_quota(workload: Workload, number: int, sources: int) -> Workload:
    """The quota of one source of so many: the sum of all quotas is the workload.

    The remainder of each scenario goes to other sources than that of the scenario before.
    """
    amounts = {
        name: None if amount is None else len(range((number - turn) % sources, amount, sources))
        for turn, (name, amount) in enumerate(workload.amounts.items())
    }
    return Workload(amounts, workload.weights, workload.obstacles)


def name_source(worker: int, user: int) -> str:
    """The name of a source, unique over all workers of a run."""
    return f"race-{worker}.{user}"


def list_quotas(workload: Workload, workers: int, users: int, *, together: bool = False) -> dict[str, SourceQuota]:
    """source -> races and rounds, for so many workers and users in all; user u belongs to the worker u % workers.

    When all sources share every race, the first one has the quota of all.
    """
    quotas = {}
    for user in range(users):
        quota = workload if together else take_quota(workload, user, users)
        helps = together and user > 0
        name = name_source(user % workers, user // workers)
        quotas[name] = SourceQuota(0, 0) if helps else SourceQuota(quota.races, quota.rounds)
    return quotas
