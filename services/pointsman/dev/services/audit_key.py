"""The key that the dev stack's audit signs checkpoints with; it stays when the data is deleted."""

from pathlib import Path

from pointsman.dev.private_file import write_private
from pointsman.identity.keys import PrivateKey


def audit_key(folder: Path) -> tuple[Path, str]:
    """The file of the private key, made where it is missing, and the public key as text.

    Raises:
        KeyUnreadableError: somebody put something else there.
    """
    file = folder / "audit-key.pem"
    if not file.exists():
        write_private(file, PrivateKey.generate().pem)
    return file, PrivateKey.parse(file.read_text()).public.text
