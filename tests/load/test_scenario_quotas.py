"""Goal: every race of a run belongs to one source, and is known beforehand. Method: sums over all sources."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.target.target_file import load_target
from load.scenario_quotas import apportion, list_quotas, make_workload, parse_weights, take_quota
from load.scenarios import SCENARIOS
from onewinner.commands.race import parse

TARGET = load_target(Path(__file__).parents[2] / "engine" / "reference" / "target.toml", None)
WEIGHTS = st.dictionaries(st.sampled_from(sorted(SCENARIOS)), st.integers(1, 50), min_size=1)


@given(WEIGHTS, st.integers(1, 10_000), st.integers(1, 7))
def test_the_shares_of_all_sources_are_the_whole(weights: dict[str, int], races: int, sources: int) -> None:
    workload = make_workload(TARGET, weights, races)
    quotas = [take_quota(workload, number, sources) for number in range(sources)]
    for name, amount in workload.amounts.items():
        assert sum(quota.amounts[name] or 0 for quota in quotas) == amount
    if any(SCENARIOS[name].races and SCENARIOS[name].find_obstacle(TARGET) is None for name in weights):
        assert workload.races == races
    listed = list_quotas(workload, sources, sources)
    assert sum(quota.races or 0 for quota in listed.values()) == workload.races


@given(st.integers(0, 10_000), WEIGHTS)
def test_apportioning_loses_nothing(total: int, weights: dict[str, int]) -> None:
    amounts = apportion(total, weights)
    assert sum(amounts.values()) == total
    assert all(abs(amounts[name] - total * weights[name] / sum(weights.values())) < 1 for name in weights)


def test_names_are_unique_and_tell_the_worker() -> None:
    workload = make_workload(TARGET, parse_weights(""), 100)
    assert list(list_quotas(workload, 2, 4)) == ["race-0.0", "race-1.0", "race-0.1", "race-1.1"]
    together = list_quotas(workload, 2, 2, together=True)
    assert [quota.races for quota in together.values()] == [100, 0]


def test_without_a_number_there_is_no_end() -> None:
    workload = make_workload(TARGET, parse_weights("fork,guards=3"), None)
    assert workload.races is None
    assert take_quota(workload, 1, 3).amounts == {"fork": None, "guards": None}


@pytest.mark.parametrize("text", ["nope", "fork=", "fork=0", "fork=x", "fork,,"])
def test_a_mistake_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"there is no scenario|must be a whole number"):
        parse_weights(text)


def test_the_command_parses_scenarios() -> None:
    assert parse(["--scenarios", "fork,tenants=2"]).load.weights == {"fork": 1, "tenants": 2}
    assert parse([]).load.races == 1000
    assert parse(["--duration", "5"]).load.races is None
