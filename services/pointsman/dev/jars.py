"""Kafka's jars, pinned by SHA-256 in `jars.lock`, and the cache for downloads.

`python -m pointsman.dev.lock_jars` writes `jars.lock`.
"""

import fcntl
import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pointsman.dev.errors import folder_error
from pointsman.runtime.terminal import screen

KAFKA = "4.2.1"
LOCK_FILE = Path(__file__).with_name("jars.lock")
ELSEWHERE = "choose another folder for downloads: POINTSMAN_CACHE=DIR"

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
        """The jar's path within a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.name}"

    def is_in(self, file: Path) -> bool:
        """Return whether `file` has the pinned size and SHA-256."""
        if not file.exists() or file.stat().st_size != self.size:
            return False
        with file.open("rb") as bytes_:
            return hashlib.file_digest(bytes_, "sha256").hexdigest() == self.sha256


def read_lock(text: str) -> list[Jar]:
    """Parse a lock file: one jar per line in five words; a line that begins with `#` is a comment."""
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return [Jar(group, artifact, version, sha, int(size)) for group, artifact, version, sha, size in lines]


def write_lock(jars: list[Jar]) -> str:
    """Return the text of a lock file for `jars`."""
    lines = [f"{jar.group} {jar.artifact} {jar.version} {jar.sha256} {jar.size}" for jar in jars]
    head = f"# Apache Kafka {KAFKA} and what its broker needs: group, artifact, version, SHA-256, bytes."
    return "\n".join([head, *lines]) + "\n"


def cache_folder() -> Path:
    """Return the folder for downloads: POINTSMAN_CACHE, else the user's cache folder."""
    own = os.environ.get("POINTSMAN_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    return Path(own).absolute() if own else base / "pointsman"


def repository() -> str:
    """Return the Maven repository's URL: POINTSMAN_MAVEN_REPOSITORY, else Maven Central as `jgo` has it."""
    own = os.environ.get("POINTSMAN_MAVEN_REPOSITORY")
    if own:
        return own.rstrip("/")
    from jgo.constants import MAVEN_CENTRAL_URL

    return str(MAVEN_CENTRAL_URL)


def fetch(jars: list[Jar], folder: Path) -> list[Path]:
    """Download the jars that `folder` lacks, check the SHA-256 of all, and return their paths.

    Raises:
        DevError: a jar is unavailable or does not match its pin, or the folder cannot be used.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        if _missing(jars, folder, pool):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with _alone(folder):
                    _download(_missing(jars, folder, pool), folder, pool)
            except OSError as error:
                raise folder_error(folder, error, ELSEWHERE) from error
    return [folder / jar.name for jar in jars]


def _missing(jars: list[Jar], folder: Path, pool: ThreadPoolExecutor) -> list[Jar]:
    is_downloaded = pool.map(lambda jar: jar.is_in(folder / jar.name), jars)
    return [jar for jar, is_there in zip(jars, is_downloaded, strict=True) if not is_there]


def _download(missing: list[Jar], folder: Path, pool: ThreadPoolExecutor) -> None:
    from pointsman.dev.download import download

    base, stop = repository(), threading.Event()
    with _progress(sum(jar.size for jar in missing)) as advance:

        def one(jar: Jar) -> None:
            with _setting(stop):
                download(jar, folder, base, advance, stop)

        with _setting(stop):
            for _ in pool.map(one, missing):
                pass


@contextmanager
def _setting(stop: threading.Event) -> Iterator[None]:
    """Set `stop` if the block raises, Ctrl-C included, so that the other downloads end as well."""
    try:
        yield
    except BaseException:
        stop.set()
        raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            screen.note("another process fetches Kafka; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn

    if total and not sys.stderr.isatty():
        screen.note(f"fetching Kafka {KAFKA} ({total / 1e6:.0f} MB, once)")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with screen.bar(f"Kafka {KAFKA}, once", total, *columns, visible=total > 0) as update:
        yield lambda count: update(advance=count)
