"""The key that the dev stack's audit signs checkpoints with; it stays when the data is deleted."""

import os
from pathlib import Path

from pointsman.store.signing import PrivateKey


def audit_key(folder: Path) -> tuple[Path, str]:
    """The file of the private key, made where it is missing, and the public key as text.

    Raises:
        KeyUnreadableError: somebody put something else there.
    """
    file = folder / "audit-key.pem"
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(PrivateKey.generate().pem)
    return file, PrivateKey.parse(file.read_text()).public.text
