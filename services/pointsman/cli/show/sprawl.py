"""Findings about agents, for people."""

from collections.abc import Iterator, Sequence

import orjson
from rich.table import Table

from pointsman.cli.formats import printable
from pointsman.store.ask.agents_sent import Sprawl


def findings_table(findings: Sequence[Sprawl]) -> Table:
    """A row for each finding."""
    rows = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("finding", "agent", "owner", "detail"):
        rows.add_column(name, overflow="fold")
    for finding in findings:
        agent, owner = printable(finding.agent_id), printable(finding.owner or "-")
        rows.add_row(finding.finding, agent, owner, printable(finding.detail))
    return rows


def narrower_entries(findings: Sequence[Sprawl]) -> Iterator[str]:
    """A line of YAML for each agent that has more than it uses."""
    for finding in findings:
        if finding.narrower is not None:
            fields = (f"{name}: {orjson.dumps(value).decode()}" for name, value in finding.narrower.items())
            yield f"  - {{{', '.join(fields)}}}"
