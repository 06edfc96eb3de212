"""`pointsman audit privacy`: check the privacy file, and create the master key."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.command import group
from pointsman.cli.key_file import write_new
from pointsman.cli.options import Json
from pointsman.runtime.terminal import screen

if TYPE_CHECKING:
    from pointsman.audit.privacy_file import PrivacyFile

app = group("Check what is masked or sealed before it is stored; create its key.")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The privacy.yaml to check.")],
    *,
    record: Annotated[
        Path | None,
        typer.Option(
            "--try", metavar="JSON", help="A message's value; prints it as it would be stored, by every rule."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Read a privacy file; print its rules, or what they make of a message.

    If it is invalid, print file, line and column of every problem, and exit 1.
    """
    from pointsman.audit.privacy_file import load

    file_rules = load(file)
    if record is not None:
        screen.line(_tried(file_rules, record.read_bytes()))
    elif as_json:
        screen.print_json(file_rules)
    else:
        for mask in file_rules.masks:
            where = f" at {', '.join(mask.paths)}" if mask.paths else ""
            topics = "" if mask.topics == ("*",) else f", on {', '.join(mask.topics)}"
            types = "" if mask.types == ("*",) else f", in {', '.join(mask.types)}"
            screen.line(f"{mask.name}: masks {', '.join(mask.patterns) or 'all'}{where}{topics}{types}")
        for subject in file_rules.subjects:
            owner = (
                f"{subject.subject!r}: agent {subject.agent}"
                if subject.agent
                else f"who is at {subject.path}"
            )
            screen.line(f"sealed for {owner}")


@app.command()
def key(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to write the master key; must not exist.")
    ],
) -> None:
    """Create the master key for masking and sealing.

    For the audit process (POINTSMAN_AUDIT_PRIVACY_KEY_FILE), and for whoever may read or erase what is
    sealed. Keep it where no backup of the database goes. Without it what is sealed is lost.
    """
    from pointsman.store.privacy.sealing import new_master_key

    write_new(file, new_master_key() + "\n")
    screen.note(f"wrote {file}; name it in POINTSMAN_AUDIT_PRIVACY_KEY_FILE")


def _tried(rules: "PrivacyFile", value: bytes) -> str:
    from pointsman.audit.masking import Masking
    from pointsman.bus.codec.records import Incoming
    from pointsman.store.privacy.sealing import MasterKey, new_master_key

    masking = Masking(rules, MasterKey.parse(new_master_key()), "")
    result = masking.mask(Incoming("", 0, 0, 0, None, value, ()), rules.masks, frozenset())
    shown = value if result is None else result.record.value or b""
    return shown.decode("utf-8", "replace").rstrip("\n")
