"""Draw what another policy would change about recorded jobs: tiers, cost, quality, examples."""

from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from pointsman.cli.formats import count, gist, moment, money, printable
from pointsman.cli.show.decisions.trace import labelled
from pointsman.router.policy.replay import PolicyReplay
from pointsman.runtime.terminal.plain_table import plain_table


def replayed(replay: PolicyReplay, since: datetime) -> RenderableType:
    """Draw the shares of tiers before and after, then each move, the largest first."""
    facts = labelled()
    facts.add_row("policy", f"{replay.policy.name} {replay.policy.version}")
    facts.add_row("jobs", f"{count(replay.jobs, 'job')} routed since {moment(since)}{_left_out(replay)}")
    if not replay.jobs:
        return facts
    moved = sum(replay.moves.values())
    facts.add_row("moved", f"{count(moved, 'job')}, {_percent(moved, replay.jobs)}")
    facts.add_row("cost", _cost(replay))
    facts.add_row("quality", _quality(replay))
    if replay.stopped or replay.held:
        facts.add_row("people", _people(replay))
    return Group(facts, Text(), _tiers(replay), *_moves(replay))


def flat(replay: PolicyReplay, since: datetime, until: datetime) -> dict[str, Any]:
    """Return the replay as JSON values. `saved` and `sufficient_*` are shares, null if unknown."""
    return {
        "policy": {"name": replay.policy.name, "version": replay.policy.version},
        "since": since,
        "until": until,
        "jobs": replay.jobs,
        "unreadable": replay.unreadable,
        "undecidable": replay.undecidable,
        "tiers_before": dict(replay.tiers_before),
        "tiers_after": dict(replay.tiers_after),
        "moved": [
            {"from": before, "to": after, "jobs": jobs, "examples": replay.moved[before, after]}
            for (before, after), jobs in replay.moves.most_common()
        ],
        "cost": {
            "jobs": replay.priced,
            "unpriced_jobs": replay.unpriced,
            "before_usd": replay.cost_before,
            "after_usd": replay.cost_after,
            "saved": float(1 - replay.cost_after / replay.cost_before) if replay.cost_before else None,
        },
        "quality": {
            "model": replay.policy.scorer.name,
            "jobs": replay.scored,
            "in_doubt": replay.in_doubt,
            "sufficient_before": replay.sufficient_before / replay.scored if replay.scored else None,
            "sufficient_after": replay.sufficient_after / replay.scored if replay.scored else None,
        },
        "review": {
            "routing": replay.stopped,
            "routing_per_day": replay.stopped / max((until - since).total_seconds() / 86_400, 1e-9),
            "answers_with_thresholds": replay.held,
        },
    }


def _left_out(replay: PolicyReplay) -> str:
    parts = []
    if replay.unreadable:
        parts.append(f"{replay.unreadable:,} that cannot be read")
    if replay.undecidable:
        parts.append(f"{replay.undecidable:,} whose agent has none of this policy's tiers")
    return f"; left out: {', '.join(parts)}" if parts else ""


def _cost(replay: PolicyReplay) -> str:
    if not replay.priced:
        return "not known: no job on record has a price on both sides"
    text = f"{money(replay.cost_before)} -> {money(replay.cost_after)}"
    if replay.cost_before:
        change = float(replay.cost_after / replay.cost_before - 1) * 100
        text += f", {change:+.1f} %"
    without = f"; {replay.unpriced:,} without a price left out" if replay.unpriced else ""
    return f"{text} at the tokens of {count(replay.priced, 'job')}{without}"


def _quality(replay: PolicyReplay) -> str:
    scorer = replay.policy.scorer
    if scorer.model is None:
        return "not estimated: this policy has no score"
    unscored = f"; {count(replay.in_doubt, 'job')} unlike what it knows" if replay.in_doubt else ""
    if not replay.scored:
        return f"not estimated by {scorer.name}{unscored}"
    before, after = replay.sufficient_before / replay.scored, replay.sufficient_after / replay.scored
    strongest = scorer.tiers[-1]
    return (
        f"{before:.3f} -> {after:.3f} of the answers expected as good as {strongest}'s, "
        f"by {scorer.name} for {count(replay.scored, 'job')}{unscored}"
    )


def _people(replay: PolicyReplay) -> str:
    return (
        f"{count(replay.stopped, 'job')}, {_percent(replay.stopped, replay.jobs)}, would wait for a person "
        f"about the tier; answers of {count(replay.held, 'job')} have thresholds, not compared here"
    )


def _tiers(replay: PolicyReplay) -> RenderableType:
    rows = plain_table("tier", figures=("before", "share", "after", "share"), unbroken=True)
    others = {*replay.tiers_before, *replay.tiers_after} - {*replay.policy.tiers}
    for tier in (*replay.policy.tiers, *sorted(others)):
        before, after = replay.tiers_before[tier], replay.tiers_after[tier]
        shares = (_percent(before, replay.jobs), _percent(after, replay.jobs))
        rows.add_row(tier, f"{before:,}", shares[0], f"{after:,}", shares[1])
    return rows


def _moves(replay: PolicyReplay) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for (before, after), jobs in replay.moves.most_common():
        parts += [Text(), Text(f"{before} -> {after}  {count(jobs, 'job')}", "bold")]
        for job in replay.moved[before, after]:
            rule = job.before if job.before == job.after else f"{job.before} -> {job.after}"
            text = f"  {job.job_id}  {rule}: {printable(job.reason)}"
            parts += [Text(text), Text(f"    {gist(job.gist, 100)}", "dim")]
    return parts


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
