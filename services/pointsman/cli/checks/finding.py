"""The result of a check, and how `pointsman doctor` prints it."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("-", "dim")}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`ok` is None if the check could not be made; `fix` is a command or setting to paste."""

    check: str
    ok: bool | None
    said: str
    fix: str = ""


def checkup(findings: Sequence[CheckResult]) -> RenderableType:
    """Draw mark, check and result of each finding; a failure is followed by its fix."""
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
