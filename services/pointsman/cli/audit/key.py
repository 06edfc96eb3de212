"""`pointsman audit key`: what checkpoints are signed with."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def key(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to write the private key; must not exist.")
    ],
) -> None:
    """Create the key that signs checkpoints; print the public key.

    The file is for the audit process alone (POINTSMAN_AUDIT_KEY_FILE): who has both it and the database can
    rewrite the record. The public key is for whoever verifies (POINTSMAN_AUDIT_PUBLIC_KEY).
    """
    import os

    from pointsman.cli import screen
    from pointsman.identity.keys import PrivateKey
    from pointsman.runtime.errors import CommandError

    made = PrivateKey.generate()
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(made.pem)
    except FileExistsError:
        raise CommandError(
            f"{file} is there already", "a key that has signed is never replaced: name another"
        ) from None
    screen.line(made.public.text)
