"""Draw a policy in brief: its version, its score, and its rules in order of evaluation."""

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from pointsman.cascade.plan import words
from pointsman.cli.formats import count, duration, printable
from pointsman.cli.show.decisions.trace import labelled
from pointsman.router.policy.policy_file import DEFAULT, PolicyFile, RuleTarget, When
from pointsman.router.policy.review_section import ReviewSection
from pointsman.router.policy.tier_names import SCORED
from pointsman.router.scoring.opinion_section import OpinionSection
from pointsman.router.scoring.score_section import ScoreSection
from pointsman.runtime.terminal.plain_table import plain_table


def rules(file: PolicyFile) -> RenderableType:
    """Draw the policy. The first rule whose conditions all hold decides."""
    facts = labelled()
    facts.add_row("policy", Text.assemble((file.name, "bold"), f" {file.version}"))
    facts.add_row("tiers", ", ".join(file.tiers))
    facts.add_row("score", _score(file.score))
    if file.score is not None and file.score.opinion is not None:
        facts.add_row("opinion", _opinion(file.score.opinion))
    if file.cascade is not None:
        facts.add_row("cascade", words(file.cascade.plan))
    if file.review is not None:
        facts.add_row("review", printable(_review(file.review)))
    facts.add_row("limit", f"{file.limits.max_record_bytes:,} bytes for one record")
    table = plain_table("rule", "tier", unbroken=True)
    table.add_column("when", overflow="fold")
    for rule in file.rules:
        table.add_row(rule.name, _target(rule), printable("; ".join(conditions(rule.when))))
    table.add_row(DEFAULT, _target(file.default), Text("nothing above holds", "dim"))
    return Group(facts, Text(), table)


def conditions(when: When) -> list[str]:
    """Return each condition as text: `kind sql or classify`, `max_chars 4000`."""
    written = when.model_dump(mode="json", exclude_defaults=True, exclude={"metadata"})
    return [
        *(f"{name} {_words(value)}" for name, value in written.items()),
        *(f"metadata {key} {_words(list(value))}" for key, value in when.metadata.items()),
    ]


def flat(file: PolicyFile) -> dict[str, Any]:
    """Return the policy as JSON values."""
    score = file.score
    return {
        "name": file.name,
        "version": file.version,
        "tiers": file.tiers,
        "score": None
        if score is None
        else {
            "model": f"{score.model.model.name}@{score.model.model.version}",
            "sha256": score.model.sha256,
            "quality": score.quality,
            "opinion": _named(score.opinion),
        },
        "cascade": None if file.cascade is None else file.cascade.plan,
        "rules": [
            {"rule": rule.name, "tier": rule.tier, "fallback": rule.fallback, "when": conditions(rule.when)}
            for rule in file.rules
        ],
        "default": {"tier": file.default.tier, "fallback": file.default.fallback},
        "limits": file.limits,
        "review": file.review,
    }


def _target(target: RuleTarget) -> str:
    return f"{SCORED}, else {target.fallback}" if target.tier == SCORED else target.tier


def _score(score: ScoreSection | None) -> str:
    if score is None:
        return "none: rules alone decide"
    model = score.model.model
    size = count(len(score.model.content), "byte")
    return f"{model.name}@{model.version}, {size}, for {score.quality} of the quality of {model.tiers[-1]}"


def _named(opinion: OpinionSection | None) -> str | None:
    return None if opinion is None else f"{opinion.model.named.name}@{opinion.model.named.version}"


def _opinion(opinion: OpinionSection) -> str:
    return (
        f"{_named(opinion)}, where a comparison hung by {opinion.band:g} at most, within {opinion.wait_s:g} s"
    )


def _review(section: ReviewSection) -> str:
    """Return a line for each threshold, and for each queue with its deadline."""
    thresholds = [
        f"{listed.name}: {listed.source} of the {listed.of} must exceed {listed.above}"
        f"{'' if listed.kinds is None else f' (kind {_words(listed.kinds)})'}, else {listed.queue}"
        for listed in section.thresholds
    ]
    queues = [
        f"{queue.name}: {duration(queue.deadline_s)}, then {queue.then or 'rejected'}"
        for queue in section.queues
    ]
    return "\n".join([*thresholds, *queues])


def _words(value: Any) -> str:
    values = value if isinstance(value, list | tuple) else [value]
    return " or ".join("yes" if item is True else "no" if item is False else str(item) for item in values)
