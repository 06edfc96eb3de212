"""A calibrated threshold, and why there is none."""

from typing import Any

from rich.console import RenderableType
from rich.text import Text

from pointsman.cli.formats import count
from pointsman.cli.show.decisions.trace import labelled
from pointsman.confidence.calibrate import STARTS, Calibration, TooFew
from pointsman.runtime.errors import CommandError


def calibrated(found: Calibration, error: float, alpha: float) -> RenderableType:
    """The threshold, and what it was found by."""
    facts = labelled()
    facts.add_row("threshold", Text(f"above: {found.threshold}", "bold"))
    left = found.answers - found.accepted
    facts.add_row("accepted", f"{found.accepted:,} of {found.answers:,}; {left:,} would go to a person")
    facts.add_row("errors", f"{found.errors:,} of the accepted, {found.errors / found.accepted:.2%}")
    facts.add_row("bound", f"{found.bound:.4f} <= {error:g} (Clopper-Pearson, one-sided, at {found.level:g})")
    facts.add_row("alpha", f"{alpha:g}, shared by {len(STARTS)} sequences of thresholds")
    return facts


def flat(found: Calibration, error: float, alpha: float) -> dict[str, Any]:
    """The same for a program."""
    return {
        "threshold": str(found.threshold),
        "answers": found.answers,
        "accepted": found.accepted,
        "errors": found.errors,
        "bound": found.bound,
        "error": error,
        "alpha": alpha,
        "level": found.level,
    }


def refusal(found: TooFew, answers: int, error: float, alpha: float) -> CommandError:
    """What is missing."""
    seen = f"{count(found.accepted, 'answer')} above {found.threshold}, {found.errors:,} of them wrong"
    return CommandError(
        f"{count(answers, 'judged answer')} support no threshold for an error of {error:g} (alpha {alpha:g})",
        f"at least {found.more:,} more above {found.threshold} are needed, all right; there are {seen}",
    )
