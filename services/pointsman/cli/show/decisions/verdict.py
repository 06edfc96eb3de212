"""Draw the answer to "why": the decision with its trace, or the refusal, and the outcome."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from pointsman.cascade.escalation import step_check
from pointsman.cli.formats import count, gist, money, printable
from pointsman.cli.show.decisions.reasons import reasons
from pointsman.cli.show.decisions.trace import decision as draw_decision
from pointsman.cli.show.decisions.trace import labelled
from pointsman.cli.show.story import COLOURS, SAID, case_on_record, headline, where_it_waits
from pointsman.cli.show.words import case_words, kind
from pointsman.router.recorded.recorded_decision import Saw
from pointsman.router.scoring.calibration_monitor import NAME as PROMISE
from pointsman.score.text import answered
from pointsman.store.ask.answers import Ended, JobState, Step
from pointsman_schemas import dead
from pointsman_schemas.cascades import CascadeStep
from pointsman_schemas.decisions import Check, Decision

HINT = "the score is asked again under another model (pointsman learn), or after `pointsman policy trust`"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is recorded about a job. `policy_name` is None if the policy cannot be found.

    `saw` is None if the score was not used.
    """

    state: JobState
    decision: Decision | None
    policy_name: str | None
    outcome: Ended | None
    steps: Sequence[Step]
    saw: Saw | None = None

    @property
    def dead_letters(self) -> list[Step]:
        """The job's records that became dead letters."""
        return [step for step in self.steps if step.kind == dead.TYPE]


def verdict(decided: Verdict) -> RenderableType:
    """Draw headline, trace or refusal, then the outcome."""
    parts: list[RenderableType] = [headline(decided.state), Text()]
    if decided.decision is not None:
        parts += [draw_decision(decided.decision, decided.policy_name, _accepted(decided.outcome)), Text()]
    if decided.saw is not None:
        parts += [_saw(decided.saw), Text()]
    rows = labelled()
    if decided.decision is not None and any(check.name == PROMISE for check in decided.decision.checks):
        rows.add_row("hint", HINT)
    if decided.decision is None and decided.outcome is None and not decided.dead_letters:
        rows.add_row("decision", "none on record yet: the router has not come to it, or the audit has not")
    if (case := case_on_record(decided.steps)) is not None:
        rows.add_row("review", "\n".join(map(printable, case_words(case))))
    for step in decided.dead_letters:
        if decided.outcome is None or step.error_type != decided.outcome.error_type:
            rows.add_row("dead letter", _dead(step))
    if decided.outcome is None:
        outcome = Text(f"none yet; {where_it_waits(decided.steps)}")
    else:
        outcome = _came_of(decided.outcome, routed=decided.decision is not None)
    rows.add_row("outcome", outcome)
    return Group(*parts, rows)


def _accepted(outcome: Ended | None) -> tuple[Check, ...]:
    """Return the check of the answer that ended a cascade; the decision has those of earlier answers."""
    steps = ((outcome.payload if outcome else None) or {}).get("cascade") or ()
    return tuple(step_check(CascadeStep.model_validate(step)) for step in steps if step.get("accepted"))


def _saw(saw: Saw) -> RenderableType:
    if saw.missing is None:
        return reasons(saw.reasons, saw.model)
    rows = labelled()
    rows.add_row("reasons", Text(f"not to be had: {printable(saw.missing)}", "yellow"))
    return rows


def _came_of(outcome: Ended, *, routed: bool) -> Text:
    word, colour = kind(outcome.kind)
    head = Text.assemble((word, f"bold {colour}"))
    spent = f", {count(outcome.attempts or 0, 'call')}, {money(outcome.cost_usd)}"
    if outcome.status == "completed":
        answer = gist(answered((outcome.payload or {}).get("response")), SAID)
        head.append(f" by {printable(outcome.model or 'an unknown model')}{spent}")
        return head.append(f": {answer}" if answer else "")
    reason = f" ({outcome.error_type})" if outcome.error_type else ""
    head.append(f"{reason}{spent}" if routed else f" before a tier was chosen{reason}")
    return head.append(f": {printable(outcome.message or 'nothing more is on record')}")


def _dead(step: Step) -> Text:
    """Draw a dead letter whose reason is not the outcome's, such as a second record with the job's id."""
    error = ": ".join(printable(part) for part in (step.error_type, step.detail or step.unreadable) if part)
    place = f"{step.topic}/{step.partition}@{step.offset}"
    return Text.assemble((error or "no reason on record", COLOURS["dead"]), (f"  {place}", "dim"))
