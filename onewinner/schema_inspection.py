"""Schema inspection: what is looked at behind the engine's back, and written into a journal of its own.

Only the reference engine's tables are known; of other engines' databases nothing is assumed.
"""

import asyncio
from pathlib import Path

from engine.provision.service import REFERENCE
from engine.reference.errors import SchemaUnavailable
from onewinner.engine_choice import EngineChoice
from reports.history import events
from reports.history.journal import Journal

SOURCE = "schema-0"
WHAT = "the columns of the live workflow table"


def list_sources(engine: EngineChoice) -> tuple[str, ...]:
    """The sources that an inspection of this engine will write."""
    return (SOURCE,) if engine.file == REFERENCE else ()


def inspect(database_url: str | None, engine: EngineChoice, history: Path) -> None:
    """Looks at the database. A look that fails leaves the journal without its end: a gap."""
    if not list_sources(engine) or database_url is None:
        return
    from engine.reference.schema_check import find_drift  # slow to import, and not every command needs it

    with Journal(history / f"{SOURCE}.jsonl") as journal:
        journal.write(events.Plan(operations=0, races=0, scenario="schema"))
        try:
            problem = asyncio.run(find_drift(database_url))
        except SchemaUnavailable as error:
            journal.write(events.Broken(what=str(error)))
            return
        journal.write(events.Probe(check="schema", what=WHAT, problem=problem))
        journal.write(events.End(operations=0))
