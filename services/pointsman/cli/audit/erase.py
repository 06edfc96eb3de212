"""`pointsman audit erase`: make everything about one data subject permanently unreadable."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli import stdin
from pointsman.cli.formats import count
from pointsman.cli.options import EraserSettings, Json
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen

if TYPE_CHECKING:
    from pointsman.store.privacy.erasing import Erased


async def erase(
    *,
    subject: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="As it stands in the jobs' metadata.data_subject; `-` reads it from stdin."
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be erased.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
    settings: EraserSettings,
) -> None:
    """Delete the key that encrypts everything stored about one subject.

    The rows stay and still verify, but their content can never be read again. Needs the master key
    (POINTSMAN_AUDIT_PRIVACY_KEY or _FILE). docs/privacy.md says what an erasure does not reach.
    """
    from pointsman.store.privacy import erasing

    master = settings.master_key
    if master is None:
        raise CommandError(
            "the master key is needed to find this subject's rows",
            "set POINTSMAN_AUDIT_PRIVACY_KEY or POINTSMAN_AUDIT_PRIVACY_KEY_FILE",
            code=2,
        )
    name = stdin.read_text().partition("\n")[0] if subject == "-" else subject
    erased = await erasing.extent(settings.eraser_dsn, master, name)
    if erased is not None and not dry_run:
        if not yes:
            _ask(erased)
        erased = await erasing.erase(settings.eraser_dsn, master, name)
    result = {
        "subject": master.hash_of(name).hex(),
        "erased": erased is not None and not dry_run,
        "found": None if erased is None else erased._asdict(),
    }
    text = "nothing is sealed for this subject, or it was erased before"
    if erased is not None:
        text = f"{'would erase' if dry_run else 'erased'} {_extent_text(erased)}"
    screen.report(result, text, as_json=as_json)


def _ask(erased: "Erased") -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise CommandError(f"this would erase {_extent_text(erased)}", "do it: add --yes", code=2)
    typer.confirm(f"Erase {_extent_text(erased)}, for good?", abort=True, err=True)


def _extent_text(erased: "Erased") -> str:
    extent = f"{count(erased.rows, 'row')} of {count(erased.jobs, 'job')} on {count(erased.days, 'day')}"
    if erased.first_at is None or erased.last_at is None:
        return extent
    return f"{extent}, {erased.first_at:%Y-%m-%d} to {erased.last_at:%Y-%m-%d}"
