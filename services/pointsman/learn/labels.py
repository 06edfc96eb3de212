"""Labels for training: the points of each tier's recorded answer, estimated conservatively.

- A verdict is the answer's points. Without a verdict, an answer that agrees with the strongest tier's gets
  the same points, another gets none, and long texts, whose wording always differs, give no label.
- The strongest tier's answer counts as good if it has no verdict: a cheaper one can only be as good.
- A tier without a label counts as bad, unless a cheaper one's answer was as good as the strongest's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pointsman.cascade.accept_answer import read_answer


@dataclass(frozen=True, slots=True)
class Answered:
    """A tier's answer, and the verdict on it, 0 to 1, if there is one."""

    text: str
    verdict: float | None = None


def points(answers: Mapping[str, Answered], tiers: Sequence[str]) -> tuple[float, ...] | None:
    """Return the points of each of `tiers`, ascending; None if no tier below the strongest has a label."""
    strongest = answers.get(tiers[-1])
    best = 1.0 if strongest is None or strongest.verdict is None else strongest.verdict
    worths = {tier: _worth(answers[tier], strongest, best) for tier in tiers[:-1] if tier in answers}
    if all(worth is None for worth in worths.values()):
        return None
    labels: list[float] = []
    for tier in tiers[:-1]:
        worth = worths.get(tier)
        labels.append(worth if worth is not None else best if max(labels, default=-1.0) >= best else 0.0)
    return (*labels, best)


def _worth(answer: Answered, strongest: Answered | None, best: float) -> float | None:
    if answer.verdict is not None:
        return answer.verdict
    if strongest is None:
        return None
    answer_text, held_against = read_answer(answer.text), read_answer(strongest.text)
    if "long" in (answer_text.kind, held_against.kind):
        return None
    return best if answer_text.agrees(held_against) else 0.0
