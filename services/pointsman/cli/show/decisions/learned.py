"""Draw the result of learning, its expected effect, and how to apply it."""

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from pointsman.cli.formats import count
from pointsman.cli.show.decisions import replay as show_replay
from pointsman.cli.show.decisions.trace import labelled
from pointsman.learn.lesson import Learned

MORE = {
    "score": "pointsman feedback JOB good|bad, or a `shadow` section in the policy",
    "accept model": "a `shadow` section in the policy that names each of the cascade's tiers",
}


def learned(outcome: Learned) -> RenderableType:
    """Draw labels, expectation and changes, then the files, or why none were written."""
    rows = labelled()
    silent = f"; {outcome.silent:,} say nothing" if outcome.silent else ""
    rows.add_row("learned from", f"{count(outcome.labels, 'job')}, {outcome.judged:,} of them judged{silent}")
    if outcome.model is not None:
        rows.add_row(outcome.of, outcome.model)
    if outcome.expected is not None:
        rows.add_row("expected", _expected(outcome))
        shares = ", ".join(f"{tier} {100 * share:.1f} %" for tier, share in outcome.expected.tiers.items())
        rows.add_row("tiers", shares)
    parts: list[RenderableType] = [rows]
    if outcome.replay is not None:
        parts += [Text(), show_replay.replayed(outcome.replay, outcome.since)]
    end = labelled()
    if outcome.policy is None:
        end.add_row("not written", Text(f"{outcome.why_not}: the policy stays as it is", "yellow"))
        end.add_row("more labels", MORE[outcome.of])
    else:
        end.add_row("written", Text(str(outcome.policy), "bold"))
        end.add_row("", str(outcome.model_file))
        end.add_row("apply it", f"pointsman policy check {outcome.policy}, then start the router with it")
    return Group(*parts, Text(), end)


def flat(outcome: Learned) -> dict[str, Any]:
    """Return the result as JSON values."""
    return {
        "tiers": outcome.tiers,
        "of": outcome.of,
        "quality": outcome.quality,
        "labels": outcome.labels,
        "judged": outcome.judged,
        "silent": outcome.silent,
        "model": outcome.model,
        "expected": outcome.expected,
        "would_change": None
        if outcome.replay is None
        else show_replay.flat(outcome.replay, outcome.since, outcome.until),
        "policy": outcome.policy,
        "model_file": outcome.model_file,
        "why_not": outcome.why_not,
    }


def _expected(outcome: Learned) -> str:
    assert outcome.expected is not None
    expected = outcome.expected
    return (
        f"{100 * expected.saved:.1f} % saved at {100 * expected.quality:.1f} % of the quality of "
        f"{outcome.tiers[-1]} "
        f"({100 * expected.low:.1f} to {100 * expected.high:.1f} % in eight of ten), of jobs not learned from"
    )
