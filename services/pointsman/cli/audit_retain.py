"""`pointsman audit retain`: days that are old enough go, whole."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.options import Json, PostgresOwner

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def retain(
    *,
    days: Annotated[int, typer.Option(metavar="N", min=1, help="Keep today and the N days (UTC) before it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be dropped.")] = False,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Drop a day even if its rows do not fit their chain.")
    ] = False,
    key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="POINTSMAN_AUDIT_KEY_FILE",
            help="The key that signs what is gone, so that the rest still verifies.",
        ),
    ] = None,
    as_json: Json = False,
    postgres: PostgresOwner = None,
) -> None:
    """Drop the partitions of days that are older.

    Each day is verified first, and what its chains were at its ends is kept and signed. Rows whose timestamp
    is of no day near their arrival are in no day's partition and stay.
    """
    import asyncio
    import os

    from pointsman.cli import screen
    from pointsman.cli.errors import CommandError
    from pointsman.cli.settings import load
    from pointsman.cli.show.integrity import days_table
    from pointsman.store.retain import Day, days_before, drop_day
    from pointsman.store.settings import OwnerPart
    from pointsman.store.signing import PrivateKey
    from pointsman.store.verify import Scope, verify

    dsn = load(OwnerPart, postgres_owner=postgres).owner_dsn
    text = os.environ.get("POINTSMAN_AUDIT_KEY") or (key_file.read_text() if key_file else "")
    key = PrivateKey.parse(text) if text else None
    first_kept = datetime.now(UTC).date() - timedelta(days=days)

    async def drop(day: Day) -> int:
        if not unverified:
            report = await verify(dsn, Scope(day=day.day), public=key.public if key else None)
            if not report.whole:
                found = report.findings[0]
                raise CommandError(
                    f"{day.day} is not dropped: {found.place} {found.said}",
                    "look at it with `pointsman audit verify`; --unverified drops it all the same",
                )
        return await drop_day(dsn, day, key)

    async def work() -> tuple[list[Day], int]:
        found = await days_before(dsn, first_kept)
        if dry_run:
            return found, 0
        return found, sum([await drop(day) for day in found])

    found, dropped = asyncio.run(work())
    if as_json:
        screen.print_json(
            {"first_kept": str(first_kept), "days": [day._asdict() for day in found], "rows_dropped": dropped}
        )
        return
    if found:
        screen.show(days_table(found))
    screen.line(
        f"nothing is older than {first_kept}"
        if not found
        else f"would drop {len(found)} days"
        if dry_run
        else f"dropped {dropped:,} rows of {len(found)} days"
    )
    if found and not dry_run and key is None:
        screen.note("no key was given: that these days were dropped is not signed (POINTSMAN_AUDIT_KEY_FILE)")
