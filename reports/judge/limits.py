"""The limits of the judge: how long it may take, how much it puts into words, and how much may be unknown.

`unknown_reasons.py` applies the share of unknown operations, `checks/one_winner.py` that of races that prove nothing.
"""

from dataclasses import dataclass

UNKNOWN_SHARE_MAX = 0.02
INCONCLUSIVE_SHARE_MAX = 0.10


@dataclass(frozen=True)
class Limits:
    """How long the judge may take, in seconds, and how many findings of one check it puts into words.

    `unknown_max`: the share of operations, races and trails that may be unknown; without it a plan's is
    UNKNOWN_SHARE_MAX (of its races INCONCLUSIVE_SHARE_MAX), and a history that is judged alone has none.
    """

    workflow_s: float = 10.0
    linearizable_s: float = 120.0
    explain_s: float = 2.0
    findings_max: int = 20
    unknown_max: float | None = None
