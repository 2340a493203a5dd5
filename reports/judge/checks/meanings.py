"""What each check asks, in one line: for the page and for `onewinner check --help`."""

MEANINGS = {
    "one-winner": "Of the requests of a race, exactly one won.",
    "conflict-count": "Every loser of a race was told that it lost.",
    "conflict-truth": "When a conflict told a state, the workflow could be in it at that moment.",
    "legality": "No move took effect that the graph does not have.",
    "linearizable": "Some order of the operations, within their real times, explains every answer.",
    "final-state": "When all was quiet, a read agreed with the last move.",
    "audit": "The trail is an unbroken chain of exactly the moves that won.",
    "effects": "Each win left its trace once, and a loser none.",
    "precondition": "A request with an old version was not carried out, and one with the current version was.",
    "capacity": "No more units were given than there are, and none of them twice.",
    "idempotent": "All requests with one key made one move and got one answer.",
    "durability": "What was acknowledged survived each fault.",
    "tenant-isolation": "Another tenant saw nothing and moved nothing.",
    "contract": "Every single answer was one that the target file or the specification allows.",
    "schema": "The table of workflows has only the columns that the specification names.",
    "no-5xx": "There was no server error that an injected fault does not explain.",
    "accounting": "All that was planned was started, answered in some way, and judged.",
}
