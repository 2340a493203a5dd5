"""Goal: each defect is wrong in its own way, each time, and in no other. Method: small races over HTTP."""

import asyncio
from collections import Counter

import pytest

from engine.api import create_app
from engine.database import Database
from engine.defects import describe_defect, list_defects
from engine.errors import UnknownDefect
from engine.settings import Settings
from tests.engine.asking import Answer, open_link, open_links
from tests.engine.conftest import put
from tests.engine.serving import SECRET, Served, serve

CONTENDERS = 10
RACES = 20


def test_each_says_what_is_wrong_and_what_is_noticed() -> None:
    assert {"check-then-act", "ignored-row-count"} <= set(list_defects())
    for name in list_defects():
        assert "The mistake: " in describe_defect(name)
        assert "A user would notice" in describe_defect(name)


def test_an_unknown_one_is_a_sentence_that_names_the_known() -> None:
    with pytest.raises(UnknownDefect, match=r"no defect 'nope'; the defects are: .*check-then-act"):
        create_app(Settings("postgresql://unused", SECRET, defect="nope"))


async def run_races(served: Served, database: Database, count: int) -> list[tuple[list[Answer], int]]:
    """Of each race the answers, and the rows in the trail."""
    ended = []
    workflows = await put(database.url, ["ICP_PROCESSING"] * count)
    async with open_links(served, CONTENDERS) as links:
        for workflow in workflows:
            answers = await asyncio.gather(
                *(link.advance(workflow, "ICP_PROCESSING", "ICP_COMPLETED") for link in links)
            )
            rows = (await links[0].ask("GET", f"/{workflow}/transitions")).body["transitions"]
            ended.append((answers, len(rows)))
    return ended


def test_check_then_act_has_two_winners(database: Database) -> None:
    """Not in every race, but in plenty; and the trail has as many rows as there were winners."""
    with serve(database.url, defect="check-then-act") as served:
        ended = asyncio.run(run_races(served, database, RACES))
    winners = [Counter(answer.status for answer in answers)[200] for answers, _ in ended]
    assert winners == [rows for _, rows in ended]
    assert min(winners) >= 1
    assert sum(count > 1 for count in winners) > RACES // 4


def test_ignored_row_count_lets_everybody_win(database: Database) -> None:
    """All are told 200, one has happened."""
    with serve(database.url, defect="ignored-row-count") as served:
        ended = asyncio.run(run_races(served, database, 3))
    for answers, rows in ended:
        assert {answer.status for answer in answers} == {200}
        assert rows == 1


@pytest.mark.parametrize("name", list_defects())
def test_alone_nobody_would_notice(database: Database, name: str) -> None:
    """One request at a time, as in a demonstration: created, claimed, completed, cancelled, read back."""

    async def run(served: Served) -> None:
        async with open_link(served) as link:
            workflow = await link.create()
            assert (await link.advance(workflow, "CREATED", "ICP_PENDING")).status == 200
            assert (await link.ask("POST", f"/{workflow}/steps/icp-generate", {"a": 1})).status == 200
            assert (await link.ask("GET", f"/{workflow}/steps/icp-generate")).body["payload"] == {"a": 1}
            assert (await link.ask("POST", f"/{workflow}/steps/icp-generate/complete")).status == 200
            assert (await link.ask("POST", f"/{workflow}/cancel")).status == 200
            assert (await link.ask("POST", f"/{workflow}/cancel")).status == 409
            assert len((await link.ask("GET", f"/{workflow}/transitions")).body["transitions"]) == 4

    with serve(database.url, defect=name, workers=1, pool_size=1) as served:
        asyncio.run(run(served))
