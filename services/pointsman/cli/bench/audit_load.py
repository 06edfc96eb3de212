"""`pointsman bench audit-load`: fill the audit table with messages of realistic size."""

from typing import Annotated

import typer

from pointsman.cli.options import Json, OwnerSettings, PolicyPath


async def audit_load(
    *,
    messages: Annotated[int, typer.Option(metavar="N", min=1, help="Messages to add, at least.")] = 1_000_000,
    days: Annotated[int, typer.Option(metavar="DAYS", min=1, help="The days they are spread over.")] = 10,
    as_json: Json = False,
    owner: OwnerSettings,
    files: PolicyPath,
) -> None:
    """Fill an audit database with messages of realistic size, to measure its queries.

    The sample jobs as the router routes them, copied by the server with ids and times of their own, through
    the table's indexes and the summary of jobs. Use a database of its own: the hash chain leaves
    these rows out.
    """
    from pointsman.bench.audit_load import load
    from pointsman.bench.audit_messages import shipped
    from pointsman.cli.formats import duration
    from pointsman.runtime.terminal import screen

    loaded = shipped(files.policy)
    with screen.progress(messages, "messages") as advance:
        done = await load(owner.owner_dsn, *loaded, messages=messages, days=days, advance=advance)
    screen.report(
        done,
        f"{done.messages:,} messages of {done.jobs:,} jobs over {done.days} days in {duration(done.seconds)}:"
        f" {done.rows_per_second:,.0f} rows a second",
        f"{done.mean_value_bytes:,.0f} bytes a message; table {done.table_bytes / 1e9:.2f} GB,"
        f" indexes {done.index_bytes / 1e9:.2f} GB",
        as_json=as_json,
    )
