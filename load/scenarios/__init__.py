"""One scenario per file, each with the question that it answers. None of them knows Locust or asks anything."""

from load.scenarios import (
    cancel_against_advance,
    expiry,
    foreign_takes,
    fork,
    guards,
    hot_and_cold,
    last_unit,
    lone_moves,
    no_version,
    pipelines,
    replay_storm,
    returned_units,
    same_key,
    same_transition,
    side_by_side,
    stale_version,
    step_routes,
    successive_moves,
    takes_and_give_backs,
    tenants,
    two_resources,
    writes_beside_moves,
)

SCENARIOS = {
    module.SCENARIO.name: module.SCENARIO
    for module in (
        same_transition,
        fork,
        cancel_against_advance,
        replay_storm,
        pipelines,
        step_routes,
        guards,
        tenants,
        hot_and_cold,
        side_by_side,
        lone_moves,
        successive_moves,
        writes_beside_moves,
        stale_version,
        no_version,
        same_key,
        expiry,
        last_unit,
        takes_and_give_backs,
        two_resources,
        foreign_takes,
        returned_units,
    )
}
