"""Draw a decision as a trace of checks, in order of evaluation."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pointsman.cli.formats import printable
from pointsman_schemas.decisions import Check, Decision

#: The question that each layer answers, for new users.
LAYERS = {
    "admission": "may this job be done at all?",
    "rule": "which rule of the policy matches first?",
    "score": "which tier is good enough?",
    "confidence": "is the system sure enough?",
}


def trace(checks: tuple[Check, ...]) -> RenderableType:
    """Draw ✓ or ✗, the name and the comparison of each check, under a heading for each layer."""
    parts: list[RenderableType] = []
    for layer in dict.fromkeys(check.layer for check in checks):
        parts.append(Text.assemble((layer, "bold"), (f"  {LAYERS[layer]}", "dim")))
        rows = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
        rows.add_column(no_wrap=True)
        rows.add_column(max_width=30, overflow="fold")
        rows.add_column(overflow="fold")
        for check in checks:
            if check.layer == layer:
                mark = Text("✓", "green") if check.passed else Text("✗", "red")
                rows.add_row(mark, Text(printable(check.name)), Text(printable(check.detail)))
        parts.append(Padding(rows, (0, 0, 0, 2)))
    return Group(*parts)


def labelled() -> Table:
    """Return an empty grid for labels and values."""
    rows = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    rows.add_column(style="dim", no_wrap=True, min_width=11)
    rows.add_column(overflow="fold")
    return rows


def decision(made: Decision, policy_name: str | None = None, after: tuple[Check, ...] = ()) -> RenderableType:
    """Draw the trace, the choice, the runner-up and the policy; `after`: checks made after routing."""
    facts = labelled()
    facts.add_row("tier", Text(made.tier, "bold"))
    facts.add_row("rule", Text(made.rule))
    facts.add_row("reason", Text(printable(made.reason) or "-"))
    if made.score is not None:
        sign = ">=" if made.score.sufficient >= made.score.threshold else "<"
        facts.add_row(
            "score",
            Text(f"{made.score.sufficient:.4f} {sign} {made.score.threshold:.4f} by {made.score.model}"),
        )
    if made.runner_up is not None:
        text = f"{made.runner_up.tier}, by rule {made.runner_up.rule}: {printable(made.runner_up.reason)}"
        facts.add_row("runner-up", Text(text))
    else:
        facts.add_row("runner-up", Text("none: nothing else that holds names another tier"))
    facts.add_row(
        "policy", Text(f"{policy_name} {made.policy_version}" if policy_name else made.policy_version)
    )
    return Group(trace((*made.checks, *after)), Text(), facts)
