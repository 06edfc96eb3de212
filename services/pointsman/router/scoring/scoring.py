"""The score's layer of a decision: the cheapest tier that is likely enough to be sufficient."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite

from pointsman.opinion.band import together
from pointsman.router.policy.checks import check_of
from pointsman.router.policy.policy_file import PolicyFile
from pointsman.router.scoring.score_section import model_names
from pointsman.router.scoring.second import Second, missing, recorded
from pointsman.score.choose import Compared, TierChoice, choose, in_words
from pointsman.score.estimate import Bar, Estimate, ScoreReason
from pointsman.score.net import NetScore
from pointsman_schemas.decisions import Check, Score, SecondOpinion

#: The check of an undecided score.
IN_DOUBT = "in-doubt"


@dataclass(frozen=True, slots=True)
class Scored:
    """The score's result. `tier`: None if the score is undecided, so that the fallback decides."""

    tier: str | None
    score: Score | None
    checks: tuple[Check, ...]
    opinion: SecondOpinion | None = None


@dataclass(frozen=True, slots=True)
class Scorer:
    """A model compiled for one policy. `tiers`: the policy's names of the model's tiers, ascending.

    `bar`: None if the model is not tuned for the policy's quality. `model`: None if the policy has no score.
    """

    name: str
    model: NetScore | None
    quality: str
    bar: Bar | None
    tiers: tuple[str, ...]
    prices: tuple[float, ...] | None
    second: Second | None = None

    @property
    def profile(self) -> Mapping[str, float]:
        """The distribution of shapes in the model's training texts; empty if the model has none."""
        return self.model.profile if self.model else {}

    @classmethod
    def compile(cls, file: PolicyFile) -> "Scorer":
        """Compile the score of a policy file; without one, every text is undecided."""
        if file.score is None:
            return cls("none", None, "", None, (), None)
        section, model = file.score, file.score.model.model
        ours = {theirs: tier for tier, theirs in model_names(section.tiers, file.tiers, model).items()}
        tiers = tuple(ours[name] for name in model.tiers)
        prices = tuple(section.prices.get(tier, 1.0) for tier in tiers) if section.prices else None
        bar = model.bars.get(section.quality)
        second = Second.compile(file)
        return cls(f"{model.name}@{model.version}", model, section.quality, bar, tiers, prices, second)

    def look(
        self,
        text: str,
        allowed: Collection[str] | None,
        opinion: SecondOpinion | Check | None = None,
        *,
        alone: bool = False,
    ) -> Scored:
        """Return the cheapest open tier that is likely to be sufficient for `text`, with all comparisons.

        `opinion`: the second opinion on an undecided text, or the check that says why there is none. `alone`:
        do not ask for a second opinion.
        """
        if self.model is None:
            return _undecided("there is no model")
        if self.bar is None:
            return _undecided(f"{self.name} is not tuned for quality {self.quality}")
        if allowed is not None and not any(tier in allowed for tier in self.tiers):
            return _undecided(f"{self.name} knows none of the tiers that are open to this agent")
        estimate = self.model.estimate(text)
        choice = self._choose(estimate, self.bar, allowed)
        if choice.undecided is not None:
            return _undecided(choice.undecided)
        first = self._scored(choice, self.name)
        asks = None if self.second is None or alone else self.second.asks(choice.compared)
        if self.second is None or asks is None:
            return first
        hung = (*first.checks, asks)
        if opinion is None:
            return Scored(first.tier, first.score, hung)
        if isinstance(opinion, Check):
            return Scored(None, None, (*hung, opinion))
        both = self._choose(together(estimate, recorded(opinion)), self.second.bar, allowed)
        if both.undecided is not None:
            return Scored(None, None, (*hung, missing(both.undecided)))
        joint = self._scored(both, f"{self.name} with {opinion.model}")
        return Scored(joint.tier, joint.score, (*hung, *map(_with, joint.checks)), opinion)

    def _choose(self, estimate: Estimate, bar: Bar, allowed: Collection[str] | None) -> TierChoice:
        assert self.model is not None
        return choose(estimate, bar, self.tiers, floor=self.model.floor, prices=self.prices, allowed=allowed)

    def _scored(self, choice: TierChoice, name: str) -> Scored:
        checks = [_compared(compared) for compared in choice.compared]
        chosen = next((compared for compared in choice.compared if compared.tier == choice.tier), None)
        if chosen is None:
            checks.append(_last(choice.tier))
            return Scored(choice.tier, Score(model=name, sufficient=1.0, threshold=1.0), tuple(checks))
        threshold = min(max(chosen.required, 0.0), 1.0)
        score = Score(model=name, sufficient=chosen.sufficient, threshold=threshold)
        return Scored(choice.tier, score, tuple(checks))

    def reasons(self, text: str, top: int = 5) -> dict[str, list[ScoreReason]]:
        """Return for each tier below the strongest the features of `text` for and against it; slow."""
        if self.model is None:
            return {}
        below = zip(self.tiers[:-1], self.model.tiers[:-1], strict=True)
        return {tier: self.model.reasons(text, theirs, top) for tier, theirs in below}

    def sufficient(self, text: str) -> dict[str, float] | None:
        """Return for each tier the probability that it is sufficient; None if the text is unfamiliar."""
        if self.model is None:
            return None
        estimate = self.model.estimate(text)
        if not (estimate.known >= self.model.floor and all(map(isfinite, estimate.sufficient))):
            return None
        return dict(zip(self.tiers, estimate.sufficient, strict=True))


def _compared(compared: Compared) -> Check:
    text = in_words(compared.sufficient, compared.required)
    return Check(layer="score", name=compared.tier, passed=compared.reached, detail=text)


def _with(check: Check) -> Check:
    """Reword the check as one of score and opinion together."""
    return check.model_copy(update={"detail": f"with the opinion {check.detail}"})


@lru_cache(maxsize=64)
def _last(tier: str) -> Check:
    text = "no cheaper tier is sure enough, so the strongest that is open does it"
    return check_of("score", tier, True, text)


def _undecided(why: str) -> Scored:
    return Scored(None, None, (check_of("score", IN_DOUBT, False, f"{why}: the fallback decides"),))
