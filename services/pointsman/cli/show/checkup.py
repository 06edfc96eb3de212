"""What `pointsman doctor` found, one check under another, each failure with its fix."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pointsman.cli.checks.finding import CheckResult

MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("-", "dim")}


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
