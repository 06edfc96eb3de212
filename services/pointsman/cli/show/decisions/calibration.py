"""Draw a calibrated threshold, or explain why there is none."""

from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from pointsman.cli.formats import count
from pointsman.cli.show.decisions.trace import labelled
from pointsman.confidence.calibrate import STARTS, Calibration, TooFew
from pointsman.runtime.errors import CommandError


def calibrated(result: Calibration, error: float, alpha: float) -> RenderableType:
    facts = labelled()
    facts.add_row("threshold", Text(f"above: {result.threshold}", "bold"))
    left = result.answers - result.accepted
    facts.add_row("accepted", f"{result.accepted:,} of {result.answers:,}; {left:,} would go to a person")
    facts.add_row("errors", f"{result.errors:,} of the accepted, {result.errors / result.accepted:.2%}")
    facts.add_row(
        "bound", f"{result.bound:.4f} <= {error:g} (Clopper-Pearson, one-sided, at {result.level:g})"
    )
    facts.add_row("alpha", f"{alpha:g}, shared by {len(STARTS)} sequences of thresholds")
    return facts


def flat(result: Calibration, error: float, alpha: float) -> dict[str, Any]:
    """Return the calibration as JSON values."""
    return {**asdict(result), "threshold": str(result.threshold), "error": error, "alpha": alpha}


def refusal(result: TooFew, answers: int, error: float, alpha: float) -> CommandError:
    evidence = f"{count(result.accepted, 'answer')} above {result.threshold}, {result.errors:,} wrong"
    return CommandError(
        f"no threshold for an error of {error:g} (alpha {alpha:g}) from {count(answers, 'judged answer')}",
        f"needed: at least {count(result.more, 'more answer')} above {result.threshold}, all right; "
        f"so far: {evidence}",
    )
