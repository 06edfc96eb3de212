"""The grants of the audit database, for people."""

from collections.abc import Sequence
from itertools import groupby

from rich.table import Table

from pointsman.store.roles import Grant


def table(grants: Sequence[Grant]) -> Table:
    """One line for each object that a role may do something with."""
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("role", "may", "kind", "object"):
        shown.add_column(name, overflow="fold")
    for (role, kind, target), held in groupby(grants, lambda grant: (grant.role, grant.kind, grant.object)):
        shown.add_row(role, ", ".join(grant.privilege for grant in held), kind, target)
    return shown
