"""Draw the outcome of a job."""

from rich.text import Text

from pointsman.cli.formats import block, count, gist, money
from pointsman.cli.show.words import kind, summary
from pointsman.score.text import answered
from pointsman_schemas.ids import short_id
from pointsman_schemas.outcomes import JobCompleted, Outcome

MARKS = {"completed": "✓", "failed": "✗", "rejected": "✗", "expired": "✗", "cancelled": "■"}


def outcome_line(outcome: Outcome, width: int) -> Text:
    """Draw mark, job, tier, calls and cost in one line, and a summary as far as `width` allows (0: none)."""
    word, colour = kind(outcome.type)
    head = Text.assemble(
        (f"{MARKS.get(word, '?')} {word:9}", colour),
        f" {short_id(outcome.job_id) if 0 < width < 120 else outcome.job_id}",
        (f" {spent(outcome)}", "dim"),
    )
    room = width - head.cell_len - 1
    return head.append(" " + gist(summary(outcome), room)) if room >= 12 else head


def answer_lines(outcome: Outcome) -> Text:
    """Return the whole answer, or why there is none, without control characters."""
    text = answered(outcome.response) if isinstance(outcome, JobCompleted) else summary(outcome)
    return Text(block(text))


def spent(outcome: Outcome) -> str:
    """Format tier, calls and cost: `small, 2 calls, $0.00012`."""
    tier = [outcome.tier] if outcome.tier else []
    return ", ".join([*tier, count(outcome.attempts, "call"), money(outcome.cost_usd)])
