"""The score's estimate for one text."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True, slots=True)
class Estimate:
    """Per tier of the model, ascending.

    `sufficient`: probability that the tier's answer is at least as good as the strongest tier's; the last
    is 1.
    `better`: probability that it is better; the last is 0.
    `cost`: what the call is expected to cost, in units of the strongest tier's mean cost in training.
    `known`: share of the text's words that were read and that training has seen, 0 to 1.
    """

    sufficient: tuple[float, ...]
    better: tuple[float, ...]
    cost: tuple[float, ...]
    known: float


@dataclass(frozen=True, slots=True)
class Bar:
    """What a required quality demands of a tier.

    `rate`: how much quality may be lost for one unit saved; a unit is the strongest tier's mean cost in
    training. `margin`: how much better a tier must look, as training does not know everything.
    """

    rate: float
    margin: float


def tuned_for(bars: Mapping[str, Bar], quality: str) -> str:
    """Return the name of the bar for `quality`, which may be written differently: 0.990 is 0.99.

    Raises:
        ValueError: the model has no bar for it.
    """
    try:
        name = next((name for name in bars if Decimal(name) == Decimal(quality)), None)
    except InvalidOperation:
        name = None
    if name is None:
        raise ValueError(f"the model is not tuned for `{quality}`; it is for {', '.join(sorted(bars))}")
    return name


@dataclass(frozen=True, slots=True)
class ScoreReason:
    """One feature of a text in words; `weight` > 0 speaks for the tier, < 0 against it, in log-odds."""

    words: str
    weight: float
