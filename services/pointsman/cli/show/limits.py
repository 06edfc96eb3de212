"""The shared limits as tables: budgets, then the targets that something was said of."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pointsman.cli.formats import duration
from pointsman.client.limits_now import BudgetNow, LimitsNow, TargetNow

_NOTHING = (
    "no limit is in force: providers.yaml sets none, or no worker has said so in the last two days"
    " (docs/limits.md)"
)


def tables(found: LimitsNow) -> RenderableType:
    """Nothing at all in words."""
    if not found.budgets and not found.targets:
        return Text(_NOTHING)
    shown: list[RenderableType] = []
    if found.budgets:
        budgets = _table("limit", "used", "of", "in", "waiting")
        for each in found.budgets:
            budgets.add_row(*_budget(each))
        shown.append(budgets)
    if found.targets:
        targets = _table("model", "waiting", "paused", "breaker")
        for one in found.targets:
            targets.add_row(*_target(one))
        shown += ["", targets] if shown else [targets]
    return Group(*shown)


def _table(first: str, *columns: str) -> Table:
    rows = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    rows.add_column(first, no_wrap=True)
    for name in columns:
        rows.add_column(name, justify="left" if name == "breaker" else "right", no_wrap=True)
    return rows


def _budget(each: BudgetNow) -> tuple[Text, ...]:
    day = each.span_s is None
    used, limit = (f"${value:,.4f}" if day else f"{value:,.0f}" for value in (each.used, each.limit))
    span = "a day" if each.span_s is None else duration(each.span_s)
    colour = "red" if each.waiting else "yellow" if each.used >= 0.9 * each.limit else ""
    return Text(each.budget), Text(used, colour), Text(limit), Text(span), _waiting(each.waiting)


def _target(each: TargetNow) -> tuple[Text, ...]:
    paused = Text(duration(each.paused_s), "red") if each.paused_s else Text("-")
    return Text(each.target), _waiting(each.waiting), paused, _breaker(each)


def _breaker(each: TargetNow) -> Text:
    match each.breaker:
        case "open":
            when = f"in {duration(each.breaker_s)}" if each.breaker_s else "with the next call"
            return Text(f"open, tried again {when}", "red")
        case "probing":
            return Text(f"half open, {each.prober} tries it", "yellow")
        case _:
            return Text("closed")


def _waiting(count: int) -> Text:
    return Text(f"{count:,}", "red" if count else "")
