"""What was learned, what it is expected to be worth, and how to apply it."""

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


def learned(found: Learned) -> RenderableType:
    """Labels, expectation, what would change; then the files, or why there are none."""
    rows = labelled()
    silent = f"; {found.silent:,} say nothing" if found.silent else ""
    rows.add_row("learned from", f"{count(found.labels, 'job')}, {found.judged:,} of them judged{silent}")
    if found.model is not None:
        rows.add_row(found.of, found.model)
    if found.expected is not None:
        rows.add_row("expected", _expected(found))
        shares = ", ".join(f"{tier} {100 * share:.1f} %" for tier, share in found.expected.tiers.items())
        rows.add_row("tiers", shares)
    parts: list[RenderableType] = [rows]
    if found.replay is not None:
        parts += [Text(), show_replay.replayed(found.replay, found.since)]
    end = labelled()
    if found.policy is None:
        end.add_row("not written", Text(f"{found.why_not}: the policy stays as it is", "yellow"))
        end.add_row("more labels", MORE[found.of])
    else:
        end.add_row("written", Text(str(found.policy), "bold"))
        end.add_row("", str(found.model_file))
        end.add_row("apply it", f"pointsman policy check {found.policy}, then start the router with it")
    return Group(*parts, Text(), end)


def flat(found: Learned) -> dict[str, Any]:
    """The same for a program."""
    return {
        "tiers": found.tiers,
        "of": found.of,
        "quality": found.quality,
        "labels": found.labels,
        "judged": found.judged,
        "silent": found.silent,
        "model": found.model,
        "expected": found.expected,
        "would_change": None
        if found.replay is None
        else show_replay.flat(found.replay, found.since, found.until),
        "policy": found.policy,
        "model_file": found.model_file,
        "why_not": found.why_not,
    }


def _expected(found: Learned) -> str:
    assert found.expected is not None
    each = found.expected
    return (
        f"{100 * each.saved:.1f} % saved at {100 * each.quality:.1f} % of the quality of {found.tiers[-1]} "
        f"({100 * each.low:.1f} to {100 * each.high:.1f} % in eight of ten), of jobs not learned from"
    )
