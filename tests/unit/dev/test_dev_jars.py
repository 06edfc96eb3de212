"""Kafka's jars are downloaded completely or not at all, resumed after interruptions, with helpful errors."""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pointsman.dev import download as downloading
from pointsman.dev.errors import DevError
from pointsman.dev.jars import LOCK_FILE, Jar, cache_folder, fetch, read_lock, repository, write_lock
from pointsman.dev.ports import free_port
from tests.support.running.jar_server import JarServer, jar_server

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[JarServer]:
    with jar_server() as started:
        monkeypatch.setenv("POINTSMAN_MAVEN_REPOSITORY", started.url)
        yield started


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if file.name != ".lock"}


def test_jars_are_fetched_once(server: JarServer, tmp_path: Path) -> None:
    jars = [server.offer("one", CONTENT), server.offer("two", b"two")]
    for _ in range(2):
        paths = fetch(jars, tmp_path / "cache")
        assert [path.read_bytes() for path in paths] == [CONTENT, b"two"]
    assert len(server.asked) == 2
    assert names(tmp_path / "cache") == {"one-1.0.jar", "two-1.0.jar"}


def test_a_cache_that_has_everything_is_only_read(server: JarServer, tmp_path: Path) -> None:
    jar = server.offer("one", CONTENT)
    (tmp_path / jar.name).write_bytes(CONTENT)
    fetch([jar], tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [jar.name], "no lock either: it may be read-only"


def test_two_processes_at_once_fetch_once(server: JarServer, tmp_path: Path) -> None:
    jar = server.offer("one", CONTENT)
    server.pause_s = 0.01
    with ThreadPoolExecutor() as both:
        first, second = both.map(lambda _: fetch([jar], tmp_path), range(2))
    assert first == second
    assert len(server.asked) == 1


def test_a_jar_that_was_changed_on_disk_is_fetched_again(server: JarServer, tmp_path: Path) -> None:
    jar = server.offer("one", CONTENT)
    (tmp_path / jar.name).write_bytes(CONTENT[:-1] + b"x")
    fetch([jar], tmp_path)
    assert (tmp_path / jar.name).read_bytes() == CONTENT
    assert names(tmp_path) == {jar.name}


@pytest.mark.parametrize(
    "served", [CONTENT[:-1] + b"x", CONTENT + b"x", CONTENT[:-1], b"<html>Log in</html>"]
)
def test_a_file_with_a_wrong_checksum_is_refused(server: JarServer, tmp_path: Path, served: bytes) -> None:
    jar = server.offer("one", served, pinned=CONTENT)
    with pytest.raises(DevError, match=r"one-1\.0\.jar .* does not match its pin: its SHA-256") as raised:
        fetch([jar], tmp_path)
    assert "POINTSMAN_MAVEN_REPOSITORY" in raised.value.hint
    assert names(tmp_path) == set()


def test_an_interrupted_download_is_resumed(server: JarServer, tmp_path: Path) -> None:
    jar = server.offer("one", CONTENT)
    server.cut_after = 1 << 16
    fetch([jar], tmp_path)
    assert (tmp_path / jar.name).read_bytes() == CONTENT
    assert [range_ for _, range_ in server.asked] == [None, "bytes=65536-", "bytes=131072-", "bytes=196608-"]


def test_a_later_run_resumes_an_earlier_download(server: JarServer, tmp_path: Path) -> None:
    jar = server.offer("one", CONTENT)
    (tmp_path / f"{jar.name}.part").write_bytes(CONTENT[:77])
    fetch([jar], tmp_path)
    assert (tmp_path / jar.name).read_bytes() == CONTENT
    assert [range_ for _, range_ in server.asked] == ["bytes=77-"]
    assert names(tmp_path) == {jar.name}


def test_a_server_without_ranges_restarts_the_download(server: JarServer, tmp_path: Path) -> None:
    jar = server.offer("one", CONTENT)
    server.ranges = False
    (tmp_path / f"{jar.name}.part").write_bytes(CONTENT[:77])
    fetch([jar], tmp_path)
    assert (tmp_path / jar.name).read_bytes() == CONTENT


@pytest.mark.parametrize("part", [b"x" * 77, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)])
def test_a_wrong_partial_file_is_discarded(server: JarServer, tmp_path: Path, part: bytes) -> None:
    jar = server.offer("one", CONTENT)
    (tmp_path / f"{jar.name}.part").write_bytes(part)
    if len(part) < len(CONTENT):
        with pytest.raises(DevError, match="does not match its pin"):
            fetch([jar], tmp_path)
    fetch([jar], tmp_path)
    assert (tmp_path / jar.name).read_bytes() == CONTENT


def test_a_server_that_has_less_than_came_already_begins_anew(server: JarServer, tmp_path: Path) -> None:
    jar = server.offer("one", CONTENT[:50], pinned=CONTENT)
    (tmp_path / f"{jar.name}.part").write_bytes(CONTENT[:77])
    with pytest.raises(DevError, match=r"\(50 bytes came, 256,000 are expected\)"):
        fetch([jar], tmp_path)


def test_progress_counts_each_byte_once(server: JarServer, tmp_path: Path) -> None:
    jar = server.offer("one", CONTENT)
    server.cut_after, server.ranges = 1 << 17, False
    (tmp_path / f"{jar.name}.part").write_bytes(CONTENT[:77])
    progress: list[int] = []
    with pytest.raises(DevError):
        downloading.download(jar, tmp_path, server.url, progress.append, threading.Event())
    assert sum(progress) == 1 << 17
    server.cut_after = None
    progress.clear()
    downloading.download(jar, tmp_path, server.url, progress.append, threading.Event())
    assert sum(progress) == len(CONTENT)


def test_a_stop_keeps_the_partial_file(server: JarServer, tmp_path: Path) -> None:
    jar = server.offer("one", CONTENT)
    stop = threading.Event()
    downloading.download(jar, tmp_path, server.url, lambda count: stop.set() if count else None, stop)
    assert names(tmp_path) == {f"{jar.name}.part"}
    assert CONTENT.startswith((tmp_path / f"{jar.name}.part").read_bytes())


def said_by(jar: Jar, folder: Path) -> str:
    with pytest.raises(DevError) as raised:
        fetch([jar], folder)
    assert "it goes on where it stopped" in raised.value.hint
    assert "HTTPS_PROXY" in raised.value.hint
    assert "POINTSMAN_MAVEN_REPOSITORY" in raised.value.hint
    return str(raised.value)


def test_a_repository_without_the_jar_is_named(server: JarServer, tmp_path: Path) -> None:
    jar = server.offer("one", CONTENT)
    server.files.clear()
    message = said_by(jar, tmp_path)
    assert message == f"one-1.0.jar cannot be fetched from {server.url}: the server answered 404 Not Found"


def test_a_repository_that_is_gone_is_named(
    server: JarServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar = server.offer("one", CONTENT)
    address = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("POINTSMAN_MAVEN_REPOSITORY", address)
    assert said_by(jar, tmp_path) == f"one-1.0.jar cannot be fetched from {address}: Connection refused"


def test_an_invalid_address_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_MAVEN_REPOSITORY", "maven")
    assert "one-1.0.jar cannot be fetched from maven: Invalid URL" in said_by(
        Jar("org.example", "one", "1.0", "", 1), tmp_path
    )


def test_one_failed_jar_stops_further_downloads(server: JarServer, tmp_path: Path) -> None:
    many = [server.offer(f"jar{place}", CONTENT) for place in range(20)]
    del server.files[f"/{many[0].path}"]
    with pytest.raises(DevError, match="jar0"):
        fetch(many, tmp_path)
    assert len(server.asked) < len(many)


def test_one_failed_jar_ends_running_downloads(server: JarServer, tmp_path: Path) -> None:
    slow = server.offer("slow", CONTENT * 40)
    server.pause_s = 0.01
    with pytest.raises(DevError, match="absent"):
        fetch([slow, Jar("org.example", "absent", "1.0", "", 1)], tmp_path)
    assert slow.name not in names(tmp_path)


def test_a_full_disk_is_reported(server: JarServer, tmp_path: Path) -> None:
    jar = server.offer("one", CONTENT)
    (tmp_path / f"{jar.name}.part").symlink_to("/dev/full")
    with pytest.raises(DevError, match=re.escape(f"the disk of {tmp_path} is full")) as raised:
        fetch([jar], tmp_path)
    assert raised.value.hint.startswith("make room, or")
    assert "POINTSMAN_CACHE" in raised.value.hint


def test_a_cache_that_cannot_be_made_is_told_with_the_setting(server: JarServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    jar = server.offer("one", CONTENT)
    with pytest.raises(DevError, match="cannot be used: Not a directory") as raised:
        fetch([jar], tmp_path / "file" / "cache")
    assert "POINTSMAN_CACHE=DIR" in raised.value.hint


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POINTSMAN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "pointsman"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "pointsman"
    monkeypatch.setenv("POINTSMAN_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


def test_the_public_repository_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POINTSMAN_MAVEN_REPOSITORY", raising=False)
    assert repository().startswith("https://")
    monkeypatch.setenv("POINTSMAN_MAVEN_REPOSITORY", "http://localhost:1/maven/")
    assert repository() == "http://localhost:1/maven"


def test_the_lock_file_is_in_the_form_that_its_program_writes() -> None:
    text = LOCK_FILE.read_text()
    jars = read_lock(text)
    assert write_lock(jars) == text
    assert [jar.artifact for jar in jars] == sorted({jar.artifact for jar in jars})
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) and jar.size > 0 for jar in jars)
    assert {"kafka_2.13", "kafka-clients", "log4j-slf4j-impl"} <= {jar.artifact for jar in jars}
