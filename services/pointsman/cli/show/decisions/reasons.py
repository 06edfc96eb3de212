"""Draw the features of a text that count for or against a tier."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from pointsman.cli.formats import printable
from pointsman.cli.show.decisions.trace import labelled
from pointsman.score.estimate import ScoreReason

#: Smaller weights would be shown as 0.00.
SMALLEST = 0.005


def reasons(by_tier: Mapping[str, Sequence[ScoreReason]], model: str) -> RenderableType:
    """Draw the strongest features of each tier, those for it first, with their weights in log-odds."""
    head = Text.assemble(
        (f"what {model} saw", "bold"), ("  weights are log-odds: +0.7 doubles the odds", "dim")
    )
    rows = labelled()
    for tier, tier_reasons in by_tier.items():
        large_reasons = [reason for reason in tier_reasons if abs(reason.weight) >= SMALLEST]
        speaks = sorted(large_reasons, key=lambda reason: -reason.weight)
        for_it = [_weighted(reason) for reason in speaks if reason.weight > 0]
        against = [_weighted(reason) for reason in reversed(speaks) if reason.weight < 0]
        if for_it:
            rows.add_row(f"for {tier}", "; ".join(for_it))
        if against:
            rows.add_row(f"not {tier}", "; ".join(against))
        if not speaks:
            rows.add_row(tier, "nothing in the text speaks for or against it")
    return Group(head, rows)


def _weighted(reason: ScoreReason) -> str:
    return f"{printable(reason.words)} {reason.weight:+.2f}"
