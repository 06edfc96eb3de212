"""Download one pinned jar. Interrupted downloads are resumed; files that do not match the pin are deleted."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import requests

from pointsman.dev.errors import DevError
from pointsman.dev.jars import Jar

_CHUNK = 1 << 16
_TRIES = 5
_TIMEOUTS = (15, 60)  # to connect, between two pieces; seconds

_CUT_OFF = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def download(
    jar: Jar, folder: Path, base: str, advance: Callable[[int], None], stop: threading.Event
) -> None:
    """Download `jar` into `folder` from the repository at `base`; `advance` gets each number of new bytes.

    A partial download stays in a `.part` file, which the next call resumes. Returns early when `stop` is set.

    Raises:
        DevError: the jar is unavailable, or does not match its pin; in that case nothing is kept.
        OSError: the file cannot be written.
    """
    part = folder / f"{jar.name}.part"
    if _size(part) >= jar.size and not jar.is_in(part):
        part.unlink()
    advance(_size(part))
    for tries_left in reversed(range(_TRIES if _size(part) < jar.size else 0)):
        if stop.is_set():
            return
        came = 0
        try:
            for count in _receive(jar, part, base):
                came += count
                advance(count)
                if stop.is_set():
                    return
            break
        except requests.RequestException as error:
            if isinstance(error, _CUT_OFF) and came > 0 and tries_left:
                continue  # it received data before it broke: worth another try
            raise _unavailable(jar, base, error) from error
    if not jar.is_in(part):
        came = _size(part)
        part.unlink(missing_ok=True)
        raise DevError(
            f"{jar.name} from {base} does not match its pin: its SHA-256 differs ({came:,} bytes came, "
            f"{jar.size:,} are expected)",
            "nothing of it was kept; run the same command again. If it stays so, something on the way "
            "changes it: set POINTSMAN_MAVEN_REPOSITORY=URL for another repository",
        )
    part.replace(folder / jar.name)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _receive(jar: Jar, part: Path, base: str) -> Iterator[int]:
    """Yield the number of bytes of each piece received; negative when earlier bytes are discarded."""
    have = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(f"{base}/{jar.path}", headers=headers, stream=True, timeout=_TIMEOUTS) as answer:
        if answer.status_code == 416:  # the file there is shorter than our part: not the same file
            part.unlink()
            yield -have
            yield from _receive(jar, part, base)
            return
        answer.raise_for_status()
        resumes = answer.status_code == 206
        if not resumes:
            yield -have
        with part.open("ab" if resumes else "wb") as file:
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)
                yield len(chunk)
                if file.tell() > jar.size:
                    return


def _unavailable(jar: Jar, base: str, error: requests.RequestException) -> DevError:
    if error.response is not None:
        why = f"the server answered {error.response.status_code} {error.response.reason}"
    else:
        cause: BaseException = error
        while cause.__cause__ or cause.__context__:
            cause = cause.__cause__ or cause.__context__ or cause
        why = getattr(cause, "strerror", None) or str(cause)
    return DevError(
        f"{jar.name} cannot be fetched from {base}: {why}",
        "run the same command again, it goes on where it stopped. Behind a proxy set HTTPS_PROXY; "
        "for another repository set POINTSMAN_MAVEN_REPOSITORY=URL",
    )
