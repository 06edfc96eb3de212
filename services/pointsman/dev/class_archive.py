"""Java's archive of loaded classes: written when a broker ends, read by later ones, which start sooner."""

import os
from hashlib import sha256
from pathlib import Path

from pointsman.dev.java import Java


class ClassArchive:
    """For one broker process: reads the archive if there is one, else makes it."""

    def __init__(self, folder: Path, java: Java) -> None:
        # Java refuses an archive that another Java has made, and says nothing: one for each.
        self._kept = folder / f"classes-{java.version}-{sha256(str(java.path).encode()).hexdigest()[:8]}.jsa"
        # Under a name of its own until it is whole, as several brokers may be the first.
        self._made = self._kept.with_suffix(f".{os.getpid()}.{id(self)}.tmp")

    @property
    def flag(self) -> str:
        """What to tell Java."""
        if self._kept.exists():
            return f"-XX:SharedArchiveFile={self._kept}"
        return f"-XX:ArchiveClassesAtExit={self._made}"

    def keep(self) -> None:
        """After a clean end: what was written is whole."""
        if self._made.exists():
            self._made.replace(self._kept)

    def discard(self) -> None:
        """After any other end."""
        self._made.unlink(missing_ok=True)
