"""`pointsman audit retain`: drop the partitions of old days."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.options import Json
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen

if TYPE_CHECKING:
    from pointsman.identity.keys import PrivateKey, PublicKey
    from pointsman.store.verify.retain import Day, SignedStatement


async def retain(
    *,
    days: Annotated[int, typer.Option(metavar="N", min=1, help="Keep today and the N days (UTC) before it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be dropped.")] = False,
    sign: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Verify the days, sign into FILE what would go, drop nothing."),
    ] = None,
    signed: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Drop the days that --sign wrote into FILE.")
    ] = None,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Sign or drop a day even if its rows do not fit their chain.")
    ] = False,
    key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", envvar="POINTSMAN_AUDIT_KEY_FILE", help="With --sign: the key that signs."
        ),
    ] = None,
    as_json: Json = False,
    postgres: Annotated[
        str | None,
        typer.Option(
            metavar="DSN",
            help="Address of the audit database: with --sign for a reader (POINTSMAN_POSTGRES), else for the "
            "owner of its schema (POINTSMAN_POSTGRES_OWNER).",
        ),
    ] = None,
) -> None:
    """Drop the partitions of old days.

    If the audit signs checkpoints, this takes two steps: --sign with the key and a reader's rights, then
    --signed as the owner of the tables, without the key. Each day is verified first, and the state of its
    chains is kept, so that the other days still verify. Rows whose timestamp is far from their arrival are
    not in a day's partition, and stay.
    """
    from pointsman.cli.settings import load
    from pointsman.cli.show.integrity import days_table
    from pointsman.store.settings import OwnerPart
    from pointsman.store.verify.retain import days_before, drop_day

    settings = load(OwnerPart)
    key = _key(key_file)
    if sign is not None and (signed is not None or dry_run):
        raise CommandError("--sign drops nothing: give it alone", code=2)
    if sign is not None and key is None:
        raise CommandError("there is no key to sign with", "set POINTSMAN_AUDIT_KEY_FILE", code=2)
    if sign is None and key is not None and not dry_run:
        raise CommandError(
            "the key that signs is here: who has it and the owner's rights, too, can rewrite the record",
            "run `audit retain --days N --sign FILE` where the key is, as a reader; then, without the key, "
            "`audit retain --days N --signed FILE` as the owner",
            code=2,
        )
    public = key.public if key else _public_key()
    dsn = postgres or (settings.owner_dsn if sign is None else settings.postgres)
    first_kept = datetime.now(UTC).date() - timedelta(days=days)
    statements = None if signed is None else _read(signed, public)
    older, dropped = await days_before(dsn, first_kept), 0
    if statements is not None:
        older = [day for day in older if day.day in statements]
    if sign is not None and key is not None:
        sign.write_text(await _sign(dsn, older, key, unverified=unverified))
    for day in older if sign is None and not dry_run else ():
        if statements is None and not unverified:
            await _verify(dsn, day, public)
        dropped += await drop_day(dsn, day, None if statements is None else statements[day.day])
    text = (
        f"nothing is older than {first_kept}"
        if not older
        else f"would drop {len(older)} days"
        if dry_run
        else f"signed what would go with {len(older)} days: {sign}"
        if sign is not None
        else f"dropped {dropped:,} rows of {len(older)} days"
    )
    unsigned = older and not dry_run and sign is None and statements is None
    note = "that these days were dropped is not signed: where the audit signs, see --sign"
    result = {
        "first_kept": str(first_kept),
        "days": [day._asdict() for day in older],
        "rows_dropped": dropped,
    }
    drawn = [days_table(older), text] if older else [text]
    screen.report(result, *drawn, notes=[note] if unsigned else (), as_json=as_json)


def _key(file: Path | None) -> "PrivateKey | None":
    from pointsman.identity.keys import PrivateKey

    text = os.environ.get("POINTSMAN_AUDIT_KEY") or (file.read_text() if file else "")
    return PrivateKey.parse(text) if text else None


def _public_key() -> "PublicKey | None":
    from pointsman.identity.keys import PublicKey

    text = os.environ.get("POINTSMAN_AUDIT_PUBLIC_KEY")
    return PublicKey.parse(text) if text else None


async def _verify(dsn: str, day: "Day", public: "PublicKey | None") -> None:
    from pointsman.store.verify.verify import Scope, verify

    report = await verify(dsn, Scope(day=day.day), public=public)
    if not report.whole:
        finding = report.findings[0]
        raise CommandError(
            f"{day.day} stays: {finding.place} {finding.said}",
            "look at it with `pointsman audit verify`; --unverified lets it go all the same",
        )


async def _sign(dsn: str, days: "list[Day]", key: "PrivateKey", *, unverified: bool) -> str:
    from pointsman.store.verify.retain import state_day

    lines = []
    for day in days:
        statement = await state_day(dsn, day, key)  # drop_day detects rows that arrive after this
        if not unverified:
            await _verify(dsn, day, key.public)
        lines.append(statement.model_dump_json() + "\n")
    return "".join(lines)


def _read(file: Path, public: "PublicKey | None") -> "dict[date, SignedStatement]":
    from pydantic import ValidationError

    from pointsman.store.verify.retain import SignedStatement

    try:
        statements = [SignedStatement.model_validate_json(line) for line in file.read_text().splitlines()]
    except (ValidationError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} is not what --sign writes", "sign again") from error
    for statement in statements:
        if public is not None and not public.signed_bytes(statement.statement.encode(), statement.signature):
            raise CommandError(f"{file}: {statement.day} is not signed by the key {public.id}", "sign again")
    return {statement.day: statement for statement in statements}
