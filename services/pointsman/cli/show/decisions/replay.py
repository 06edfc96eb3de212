"""What another policy would change about recorded jobs: tiers, moves with examples, cost, quality."""

from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pointsman.cli.formats import count, gist, moment, money, printable
from pointsman.cli.show.decisions.trace import labelled
from pointsman.router.policy.replay import PolicyReplay


def replayed(found: PolicyReplay, since: datetime) -> RenderableType:
    """Shares before and after, then each move, the biggest first."""
    facts = labelled()
    facts.add_row("policy", f"{found.policy.name} {found.policy.version}")
    facts.add_row("jobs", f"{count(found.jobs, 'job')} routed since {moment(since)}{_left_out(found)}")
    if not found.jobs:
        return facts
    moved = sum(found.moves.values())
    facts.add_row("moved", f"{count(moved, 'job')}, {_percent(moved, found.jobs)}")
    facts.add_row("cost", _cost(found))
    facts.add_row("quality", _quality(found))
    return Group(facts, Text(), _tiers(found), *_moves(found))


def flat(found: PolicyReplay, since: datetime, until: datetime) -> dict[str, Any]:
    """The same for a program; `saved` and `sufficient_*` are shares, null where nothing is known."""
    return {
        "policy": {"name": found.policy.name, "version": found.policy.version},
        "since": since,
        "until": until,
        "jobs": found.jobs,
        "unreadable": found.unreadable,
        "undecidable": found.undecidable,
        "tiers_before": dict(found.tiers_before),
        "tiers_after": dict(found.tiers_after),
        "moved": [
            {"from": before, "to": after, "jobs": jobs, "examples": found.moved[before, after]}
            for (before, after), jobs in found.moves.most_common()
        ],
        "cost": {
            "jobs": found.priced,
            "unpriced_jobs": found.unpriced,
            "before_usd": found.cost_before,
            "after_usd": found.cost_after,
            "saved": float(1 - found.cost_after / found.cost_before) if found.cost_before else None,
        },
        "quality": {
            "model": found.policy.scorer.name,
            "jobs": found.scored,
            "in_doubt": found.in_doubt,
            "sufficient_before": found.sufficient_before / found.scored if found.scored else None,
            "sufficient_after": found.sufficient_after / found.scored if found.scored else None,
        },
    }


def _left_out(found: PolicyReplay) -> str:
    parts = []
    if found.unreadable:
        parts.append(f"{found.unreadable:,} that cannot be read")
    if found.undecidable:
        parts.append(f"{found.undecidable:,} whose agent has none of this policy's tiers")
    return f"; left out: {', '.join(parts)}" if parts else ""


def _cost(found: PolicyReplay) -> str:
    if not found.priced:
        return "not known: no job on record has a price on both sides"
    said = f"{money(found.cost_before)} -> {money(found.cost_after)}"
    if found.cost_before:
        change = float(found.cost_after / found.cost_before - 1) * 100
        said += f", {change:+.1f} %"
    without = f"; {found.unpriced:,} without a price left out" if found.unpriced else ""
    return f"{said} at the tokens of {count(found.priced, 'job')}{without}"


def _quality(found: PolicyReplay) -> str:
    scorer = found.policy.scorer
    if scorer.model is None:
        return "not estimated: this policy has no score"
    doubt = f"; {count(found.in_doubt, 'job')} unlike what it knows" if found.in_doubt else ""
    if not found.scored:
        return f"not estimated by {scorer.name}{doubt}"
    before, after = found.sufficient_before / found.scored, found.sufficient_after / found.scored
    strongest = scorer.tiers[-1]
    return (
        f"{before:.3f} -> {after:.3f} of the answers expected as good as {strongest}'s, "
        f"by {scorer.name} for {count(found.scored, 'job')}{doubt}"
    )


def _tiers(found: PolicyReplay) -> RenderableType:
    rows = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    rows.add_column("tier", no_wrap=True)
    for name in ("before", "share", "after", "share"):
        rows.add_column(name, justify="right", no_wrap=True)
    others = {*found.tiers_before, *found.tiers_after} - {*found.policy.tiers}
    for tier in (*found.policy.tiers, *sorted(others)):
        before, after = found.tiers_before[tier], found.tiers_after[tier]
        shares = (_percent(before, found.jobs), _percent(after, found.jobs))
        rows.add_row(tier, f"{before:,}", shares[0], f"{after:,}", shares[1])
    return rows


def _moves(found: PolicyReplay) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for (before, after), jobs in found.moves.most_common():
        parts += [Text(), Text(f"{before} -> {after}  {count(jobs, 'job')}", "bold")]
        for each in found.moved[before, after]:
            rule = each.before if each.before == each.after else f"{each.before} -> {each.after}"
            said = f"  {each.job_id}  {rule}: {printable(each.reason)}"
            parts += [Text(said), Text(f"    {gist(each.gist, 100)}", "dim")]
    return parts


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
