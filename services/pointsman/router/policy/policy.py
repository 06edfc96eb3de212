"""Decides which tier a job goes to, by which rule, and what the runner-up is.

Layers; their checks are listed in the order in which they were made, so that a layer may come twice:
1. admission, before this file;
2. rules;
3. the learned score, if a rule asks for it;
4. confidence: whether the job begins a cascade, and whether a person must confirm the tier.

Invariants:
- `decide` is a pure function of its arguments.
- The last rule is the default, which always holds: every job gets exactly one tier.
- The runner-up never names the chosen tier.
- If the score is undecided, the job goes to the fallback of the rule that asked, never to a lower tier.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from pointsman.cascade.plan import begin
from pointsman.confidence.reading import ConfidenceEvidence
from pointsman.confidence.review import review_of
from pointsman.router.policy.checks import check_of
from pointsman.router.policy.conditions import Condition, conditions
from pointsman.router.policy.facts import JobFacts, read_facts
from pointsman.router.policy.policy_file import DEFAULT, Limits, PolicyFile, RuleTarget, ShadowSection
from pointsman.router.policy.review_plan import plan_of
from pointsman.router.policy.review_section import ReviewSection
from pointsman.router.policy.tier_names import ASKED, CASCADE, SCORED
from pointsman.router.scoring.scoring import Scorer
from pointsman.score.text import text_of
from pointsman_schemas.cascades import CascadePlan
from pointsman_schemas.control.review_plans import EntryThreshold
from pointsman_schemas.decisions import Check, Choice, Decision, SecondOpinion
from pointsman_schemas.jobs import Job

#: The reason given for a scored rule's fallback as the runner-up.
FALLBACK_REASON = "The fallback, where the score does not decide."


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule compiled for deciding. `tier`: None for the tier that the job asks for, or `cascade`.

    `scored`: the score chooses, and `tier` is the fallback. `choices`: by tier, the choice to record if the
    rule decides; `runner_up_choices`: the same if the rule is the runner-up.
    """

    name: str
    conditions: tuple[Condition, ...]
    tier: str | None
    scored: bool
    choices: Mapping[str, Choice]
    runner_up_choices: Mapping[str, Choice]

    @classmethod
    def compile(
        cls, name: str, conditions: tuple[Condition, ...], target: RuleTarget, tiers: tuple[str, ...]
    ) -> "CompiledRule":
        """Compile a rule of the policy file."""
        scored = target.tier == SCORED
        named = target.fallback if scored else target.tier
        choices = {tier: Choice(tier=tier, rule=name, reason=target.reason) for tier in tiers}
        runner_up_choices = (
            {tier: Choice(tier=tier, rule=name, reason=FALLBACK_REASON) for tier in tiers}
            if scored
            else choices
        )
        return cls(name, conditions, None if named == ASKED else named, scored, choices, runner_up_choices)

    def check(self, facts: JobFacts) -> Check:
        """Return the check of this rule: all comparisons if all hold, else the first that does not."""
        for holds, describe in self.conditions:
            if not holds(facts):
                return check_of("rule", self.name, False, describe(facts))
        text = "; ".join([describe(facts) for _, describe in self.conditions])
        return check_of("rule", self.name, True, text or "no rule above holds")

    def holds(self, facts: JobFacts) -> bool:
        """Whether the rule holds. A plain loop, as `all` creates a generator for each rule."""
        for holds, _ in self.conditions:  # noqa: SIM110
            if not holds(facts):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy file compiled for deciding; `rules` ends with the default.

    `metadata_keys`: those that rules read. `char_bounds`: text lengths at which a condition changes.
    """

    name: str
    version: str
    tiers: tuple[str, ...]
    rules: tuple[CompiledRule, ...]
    limits: Limits
    scorer: Scorer
    cascade: CascadePlan | None
    shadow: ShadowSection | None
    review: ReviewSection | None
    metadata_keys: tuple[str, ...]
    char_bounds: tuple[int, ...]

    @classmethod
    def compile(cls, file: PolicyFile) -> "Policy":
        """Compile a policy file."""
        rules = [
            CompiledRule.compile(rule.name, conditions(rule.when, file.tiers), rule, file.tiers)
            for rule in file.rules
        ]
        rules.append(CompiledRule.compile(DEFAULT, (), file.default, file.tiers))
        return cls(
            file.name,
            file.version,
            file.tiers,
            tuple(rules),
            file.limits,
            Scorer.compile(file),
            None if file.cascade is None else file.cascade.plan,
            file.shadow,
            file.review,
            tuple(sorted({key for rule in file.rules for key in rule.when.metadata})),
            tuple(sorted(_bounds(file))),
        )


def decide(
    policy: Policy,
    job: Job,
    *,
    allowed: Collection[str] | None = None,
    earlier: tuple[Check, ...] = (),
    suspended: Check | None = None,
    opinion: SecondOpinion | Check | None = None,
    thresholds: Iterable[EntryThreshold] = (),
) -> Decision:
    """Choose a tier for `job`.

    `allowed`: the tiers open to its agent (None: all); a rule's tier that is not among them is replaced by
    the nearest below, else the nearest above. `earlier`: admission's checks. `suspended`: the check that says
    why the score is not asked. `opinion`: the second opinion on a job for which the score is undecided, or
    the check that says why there is none. `thresholds`: from the agent's registry entry.
    """
    facts = read_facts(job)
    checks = [*earlier]
    rules = iter(policy.rules)
    for rule in rules:
        checks.append(rule.check(facts))
        if checks[-1].passed:
            break
    # `rules` now gives the rules below the one that holds: the runner-up is sought among them. A scored rule
    # is itself the first candidate, with its fallback.
    candidates = chain((rule,) if rule.scored else (), rules)
    target, score, used_opinion = _tier_of(rule, facts), None, None
    if rule.scored and suspended is not None:
        checks.append(suspended)
    elif rule.scored:
        kept_in_order = job.order_key is not None  # a job that waits for an opinion would be overtaken
        text = text_of(job.request.messages)
        scored = policy.scorer.look(text, allowed, opinion, alone=kept_in_order)
        checks += scored.checks
        target, score, used_opinion = scored.tier or target, scored.score, scored.opinion
    plan = None
    if target == CASCADE:
        assert policy.cascade is not None  # a file that names a cascade has one
        target, plan, reason = begin(policy.cascade, job, allowed)
        checks.append(check_of("confidence", CASCADE, plan is not None, reason))
    tier = nearest_allowed(policy.tiers, target, allowed)
    if tier != target:
        detail = _not_allowed_text(policy, target, tier, allowed)
        checks.append(check_of("rule", "allowed-tier", False, detail))
    open_tiers = tuple(tier for tier in policy.tiers if allowed is None or tier in allowed)
    review = plan_of(policy.review, job, open_tiers, thresholds)
    checks += review_of(review, "routing", ConfidenceEvidence(score=score)).checks
    choice = rule.choices[tier]
    return Decision(
        tier=choice.tier,
        rule=choice.rule,
        reason=choice.reason,
        policy_version=policy.version,
        runner_up=_runner_up(policy, candidates, facts, tier, allowed),
        score=score,
        open_tiers=None if allowed is None else open_tiers,
        opinion=used_opinion,
        cascade=plan,
        review=review,
        checks=tuple(checks),
    )


def _bounds(file: PolicyFile) -> set[int]:
    when = [rule.when for rule in file.rules]
    longer = {bound.min_chars for bound in when if bound.min_chars is not None}
    return longer | {bound.max_chars + 1 for bound in when if bound.max_chars is not None}


def nearest_allowed(tiers: tuple[str, ...], target: str, allowed: Collection[str] | None) -> str:
    """Return `target` if it is allowed, else the nearest allowed tier below it, else the nearest above.

    Raises:
        ValueError: none of `tiers` is allowed.
    """
    if allowed is None or target in allowed:
        return target
    at = tiers.index(target)
    for tier in (*reversed(tiers[:at]), *tiers[at + 1 :]):
        if tier in allowed:
            return tier
    raise ValueError(f"none of the policy's tiers is allowed: {', '.join(allowed) or 'nothing is'}")


def _tier_of(rule: CompiledRule, facts: JobFacts) -> str:
    tier = rule.tier or facts.tier
    assert tier is not None  # a rule without a tier has the condition that one is asked for
    return tier


def _runner_up(
    policy: Policy,
    candidates: Iterable[CompiledRule],
    facts: JobFacts,
    chosen: str,
    allowed: Collection[str] | None,
) -> Choice | None:
    """Return the choice of the first candidate that holds and names another tier.

    The score is not asked, as that would cost more than the decision itself: here a scored rule stands for
    its fallback, and a cascade for its first tier.
    """
    for rule in candidates:
        if rule.holds(facts):
            target = _tier_of(rule, facts)
            if target == CASCADE and policy.cascade is not None:
                target = policy.cascade.tiers[0]
            tier = nearest_allowed(policy.tiers, target, allowed)
            if tier != chosen:
                return rule.runner_up_choices[tier]
    return None


def _not_allowed_text(policy: Policy, target: str, tier: str, allowed: Collection[str] | None) -> str:
    listed = ", ".join(tier for tier in policy.tiers if tier in (allowed or ()))
    return f"the rule names {target}, open to this agent: {listed}; {tier} is the nearest"
