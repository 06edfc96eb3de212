"""Create and read private key files, which only their owner can read."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.cli.stdin import read_text
from pointsman.runtime.errors import CommandError

if TYPE_CHECKING:
    from pointsman.identity.keys import PrivateKey


def new_key(file: Path) -> "PrivateKey":
    """Create a key and write it to `file`, with mode 600.

    Raises:
        CommandError: the file exists or cannot be written.
    """
    from pointsman.identity.keys import PrivateKey

    private_key = PrivateKey.generate()
    write_new(file, private_key.pem)
    return private_key


def write_new(file: Path, secret: str) -> None:
    """Write a secret to a new file, with mode 600.

    Raises:
        CommandError: the file exists or cannot be written.
    """
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secret)
    except FileExistsError:
        raise CommandError(
            f"{file} exists already", "a key is never overwritten: name another file"
        ) from None
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}", code=2) from None


def read_key(file: Path | None) -> "PrivateKey | None":
    """Return the key in a file; None if `file` is None.

    Raises:
        CommandError: the file does not hold a key.
    """
    from pointsman.identity.keys import KeyUnreadableError, PrivateKey

    if file is None:
        return None
    try:
        return PrivateKey.parse(read_text(file))
    except KeyUnreadableError as error:
        raise CommandError(f"{file}: {error}", "make a key: pointsman agents key", code=2) from None
