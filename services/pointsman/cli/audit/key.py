"""`pointsman audit key`: create the key that signs checkpoints."""

from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.key_file import new_key
from pointsman.runtime.terminal import screen


def key(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to write the private key; must not exist.")
    ],
) -> None:
    """Create the key that signs checkpoints; print the public key.

    The file is for the audit process alone (POINTSMAN_AUDIT_KEY_FILE): who has both it and the database can
    rewrite the record. The public key is for whoever verifies (POINTSMAN_AUDIT_PUBLIC_KEY).
    """
    screen.line(new_key(file).public.text)
