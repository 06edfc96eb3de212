"""What a check found, and how `pointsman doctor` shows it: each failure with its fix."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("-", "dim")}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`ok` is None for what could not be looked at; `fix` is something to paste, in a line or two."""

    check: str
    ok: bool | None
    said: str
    fix: str = ""


def checkup(findings: Sequence[CheckResult]) -> RenderableType:
    """Mark, check, what was found; under a failure what to paste."""
    rows = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True, style="bold")
    rows.add_column(overflow="fold")
    for finding in findings:
        rows.add_row(
            Text(*MARKS[finding.ok]), finding.check, Text(finding.said, "dim" if finding.ok is None else "")
        )
        for line in finding.fix.splitlines():
            rows.add_row("", "", Text(f"  {line}", "cyan"))
    return rows
