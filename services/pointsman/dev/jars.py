"""Fetches Kafka's jars once into a cache: pinned by SHA-256, resumable, safe for two processes at once."""

import fcntl
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pointsman.dev.errors import DownloadError

KAFKA = "4.3.1"
LOCK_FILE = Path(__file__).with_name("jars.lock")

_CHUNK = 1 << 16
_AT_ONCE = 4


@dataclass(frozen=True)
class Jar:
    """One pinned artifact; `size` in bytes."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @property
    def path(self) -> str:
        """Where a Maven repository has it."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.name}"


def read_lock(text: str) -> list[Jar]:
    """The jars of a lock file: five words a line, `#` begins a comment."""
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return [Jar(group, artifact, version, sha, int(size)) for group, artifact, version, sha, size in lines]


def cache_folder() -> Path:
    """Where downloads stay: POINTSMAN_CACHE, else the user's cache folder."""
    own = os.environ.get("POINTSMAN_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(own) if own else base / "pointsman"


def repository() -> str:
    """The Maven repository: POINTSMAN_MAVEN_REPOSITORY, else the public one that `jgo` knows."""
    from jgo.constants import MAVEN_CENTRAL_URL

    return (os.environ.get("POINTSMAN_MAVEN_REPOSITORY") or str(MAVEN_CENTRAL_URL)).rstrip("/")


def fetch(jars: list[Jar], folder: Path, base: str) -> list[Path]:
    """Have every jar in `folder`, verified; returns their paths.

    Raises:
        DownloadError: one cannot be had, or is not what the lock file says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        missing = [jar for jar in jars if not _is_there(folder / jar.name, jar)]
        if missing:
            with _progress(sum(jar.size for jar in missing)) as advance, ThreadPoolExecutor(_AT_ONCE) as pool:
                for _ in pool.map(lambda jar: _download(jar, folder, base, advance), missing):
                    pass
    return [folder / jar.name for jar in jars]


def _is_there(path: Path, jar: Jar) -> bool:
    # A finished file was verified before it got its name; its size tells whether somebody cut it since.
    return path.exists() and path.stat().st_size == jar.size


def _download(jar: Jar, folder: Path, base: str, advance: Callable[[int], None]) -> None:
    import requests

    part = folder / f"{jar.name}.part"
    have = part.stat().st_size if part.exists() else 0
    if have > jar.size:
        part.unlink()
        have = 0
    try:
        if have < jar.size:
            headers = {"Range": f"bytes={have}-"} if have else {}
            with requests.get(f"{base}/{jar.path}", headers=headers, stream=True, timeout=60) as answer:
                answer.raise_for_status()
                resumed = answer.status_code == 206
                advance(have if resumed else 0)
                with part.open("ab" if resumed else "wb") as file:
                    for chunk in answer.iter_content(_CHUNK):
                        file.write(chunk)
                        advance(len(chunk))
    except (requests.RequestException, OSError) as error:
        raise DownloadError(
            f"{jar.name} cannot be fetched: {error}",
            "run the same command again, it goes on where it stopped; behind a proxy set HTTPS_PROXY, "
            "for another repository POINTSMAN_MAVEN_REPOSITORY",
        ) from error
    if hashlib.sha256(part.read_bytes()).hexdigest() != jar.sha256:
        part.unlink()
        raise DownloadError(
            f"{jar.name} is not what the lock file says: its SHA-256 differs",
            "run the same command again; if it happens twice, the repository serves another file",
        )
    part.rename(folder / jar.name)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    if not sys.stderr.isatty():
        print(f"fetching Kafka {KAFKA} ({total / 1e6:.0f} MB, once)", file=sys.stderr)  # noqa: T201
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"Kafka {KAFKA}, once", total=total)
        yield lambda count: bar.advance(task, count)
