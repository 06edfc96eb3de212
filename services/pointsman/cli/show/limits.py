"""Draw the shared limits: budgets, models, and what holds each tier."""

from rich.console import Group, RenderableType
from rich.text import Text

from pointsman.cli.formats import duration
from pointsman.client.limits_now import BudgetNow, LimitsNow, TargetNow
from pointsman.client.tiers_held import TierHeld
from pointsman.runtime.terminal.plain_table import plain_table

_NOTHING = (
    "no limit is in force: providers.yaml sets none, or no worker has said so in the last two days"
    " (docs/limits.md)"
)

_HELD_BY = {
    "processor": "its processor",
    "rate": "the provider's limits",
    "in_flight": "max_in_flight",
    "order_key": "order keys",
    "window": "window",
}


def tables(limits_state: LimitsNow) -> RenderableType:
    """Draw the tables, or a sentence if there are no limits."""
    if not limits_state.budgets and not limits_state.targets and not limits_state.tiers:
        return Text(_NOTHING)
    shown: list[RenderableType] = []
    if limits_state.budgets:
        budgets = plain_table("limit", figures=("used", "of", "in", "waiting"), unbroken=True)
        for budget in limits_state.budgets:
            budgets.add_row(*_budget(budget))
        shown.append(budgets)
    if limits_state.targets:
        targets = plain_table("model", figures=("waiting", "paused"), unbroken=True)
        targets.add_column("breaker", no_wrap=True)
        for target in limits_state.targets:
            targets.add_row(*_target(target))
        shown += ["", targets] if shown else [targets]
    if limits_state.tiers:
        tiers = plain_table("tier", figures=("held by", "jobs that wait for it"), unbroken=True)
        for tier in limits_state.tiers:
            waiting = 0 if tier.by is None else tier.jobs[tier.by]
            tiers.add_row(Text(tier.tier), Text(words_of(tier)), _waiting(waiting))
        shown += ["", tiers] if shown else [tiers]
    return Group(*shown)


def words_of(tier: TierHeld) -> str:
    return "nothing" if tier.by is None else _HELD_BY[tier.by]


def _budget(budget: BudgetNow) -> tuple[Text, ...]:
    day = budget.span_s is None
    used, limit = (f"${value:,.4f}" if day else f"{value:,.0f}" for value in (budget.used, budget.limit))
    span = "a day" if budget.span_s is None else duration(budget.span_s)
    colour = "red" if budget.waiting else "yellow" if budget.used >= 0.9 * budget.limit else ""
    return Text(budget.budget), Text(used, colour), Text(limit), Text(span), _waiting(budget.waiting)


def _target(target: TargetNow) -> tuple[Text, ...]:
    paused = Text(duration(target.paused_s), "red") if target.paused_s else Text("-")
    return Text(target.target), _waiting(target.waiting), paused, _breaker(target)


def _breaker(target: TargetNow) -> Text:
    match target.breaker:
        case "open":
            when = f"in {duration(target.breaker_s)}" if target.breaker_s else "with the next call"
            return Text(f"open, tried again {when}", "red")
        case "probing":
            return Text(f"half open, {target.prober} tries it", "yellow")
        case _:
            return Text("closed")


def _waiting(count: int) -> Text:
    return Text(f"{count:,}", "red" if count else "")
