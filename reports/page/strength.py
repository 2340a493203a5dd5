"""Strength: how much a pass is worth. What was covered, which actions raced, and the bound that follows."""

from collections.abc import Mapping, Sequence
from typing import Any

from reports.page.parts import Section, fold, table
from reports.page.text import show
from reports.verdict import Judgement

ACTIONS_MAX = 24  # of a matrix with names
PAIRS_MAX = 200


def render_strength(facts: Mapping[str, Any], _judgement: Judgement) -> Section | None:
    strength = facts.get("strength")
    if not strength:
        return None
    return Section(
        "strength", "How much this proves", list_facts(strength) + draw_pairs(strength.get("raced_pairs") or [])
    )


def list_facts(strength: Mapping[str, Any]) -> str:
    rows = []
    for key, name in (("transitions", "legal transitions taken"), ("illegal_pairs", "illegal pairs asked for")):
        covered = strength.get(key)
        if covered and covered["total"]:
            share = covered["covered"] / covered["total"]
            rows.append((name, f"{covered['covered']:,} of {covered['total']:,} ({share:.0%})", draw_share(share)))
    if strength.get("bound") is not None:
        rows.append(("violations per race, at most (95 %)", f"{strength['bound']:.3g}", ""))
    caught = strength.get("calibrate")
    if caught:
        rows.append(
            (
                "a known race bug was caught in",
                f"{caught['caught']:,} of {caught['races']:,} races",
                draw_share(caught["caught"] / max(caught["races"], 1)),
            )
        )
    return table("Strength", ("", "", ""), rows, (1,)) if rows else ""


def draw_share(share: float) -> str:
    width = f"{100 * min(max(share, 0.0), 1.0):.1f}%"
    return (
        '<svg class="share" width="120" height="10" aria-hidden="true"><rect class="ground" width="100%" height="10"/>'
        f'<rect class="part" width="{width}" height="10"/></svg>'
    )


def draw_pairs(pairs: Sequence[Mapping[str, Any]]) -> str:
    """Which action raced which, and how often: a matrix where it fits, else a list of the most and the least."""
    if not pairs:
        return ""
    actions = list(dict.fromkeys(name for pair in pairs for name in (pair["action"], pair["other"])))
    if len(actions) > ACTIONS_MAX:
        ordered = sorted(pairs, key=lambda pair: pair["races"])[:PAIRS_MAX]
        rarest = [(show(pair["action"], 80), show(pair["other"], 80), f"{pair['races']:,}") for pair in ordered]
        told = table("Raced pairs, the rarest first", ("action", "against", "races"), rarest, (2,))
        return fold(f"The {len(rarest):,} rarest of {len(pairs):,} raced pairs", told)
    races = {frozenset((pair["action"], pair["other"])): pair["races"] for pair in pairs}
    rows = [
        (show(one, 60), *(f"{races[key]:,}" if (key := frozenset((one, other))) in races else "·" for other in actions))
        for one in actions
    ]
    return table(
        "Raced pairs: how often one action raced another",
        ("", *actions),
        rows,
        range(1, len(actions) + 1),
        captioned=True,
    )
