"""`pointsman claims`: maintain the store of large values."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from pointsman.cli.command import CommandGroup
from pointsman.cli.formats import count
from pointsman.cli.options import ClaimsSettings, Json, RecordSettings
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen

app = CommandGroup(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def claims() -> None:
    """Clean up the store of large values."""


@app.command()
async def gc(
    *,
    days: Annotated[
        int,
        typer.Option(metavar="N", min=8, help="Only values that were last put there N days ago or earlier."),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed.")] = False,
    as_json: Json = False,
    claims: ClaimsSettings,
    settings: RecordSettings,
) -> None:
    """Remove values that no audit row refers to.

    Reads every row: minutes for many millions. Values younger than eight days are never removed, as their
    records may not be in the audit yet. In Postgres only the table's owner may remove: give its address with
    --claims.
    """
    from pointsman.claims.collect import collect
    from pointsman.claims.opened import closed_after, open_store

    if not claims.claims:
        raise CommandError("no store is set", "set POINTSMAN_CLAIMS, or give --claims", code=2)

    store = open_store(claims.claims)
    before = datetime.now(UTC) - timedelta(days=days)
    with screen.stepped("values") as (begin, advance):
        async with closed_after(store):
            collected = await collect(
                store, settings.postgres, before, dry_run=dry_run, begin=begin, advance=advance
            )
    word = "would remove" if dry_run else "removed"
    kept = f"{count(collected.referred, 'old value')} referred to"
    text = f"{word} {count(collected.removed, 'value')} of {collected.removed_bytes:,} bytes; {kept}"
    screen.report(collected, text, as_json=as_json)
