"""The class-data archive: one for each Java version, complete or absent."""

from pathlib import Path

import pytest

from pointsman.dev.servers.class_archive import ClassArchive
from pointsman.dev.servers.java import Java


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def java(tmp_path: Path) -> Java:
    """A Java with a class-data archive of its own."""
    return install(tmp_path / "java", complete=True)


def install(home: Path, *, complete: bool, dumps: bool = True) -> Java:
    """A Java whose program only writes the requested archive."""
    (home / "bin").mkdir(parents=True)
    (home / "lib" / "server").mkdir(parents=True)
    if complete:
        (home / "lib" / "server" / "classes.jsa").touch()
    program = home / "bin" / "java"
    write = 'for word; do case "$word" in -XX:SharedArchiveFile=*) echo "$@" > "${word#*=}";; esac; done'
    program.write_text(f"#!/bin/sh\n{write if dumps else 'exit 1'}\n")
    program.chmod(0o755)
    return Java(program, "17.0.15")


def file_of(flag: str, name: str) -> Path:
    given, _, file = flag.partition("=")
    assert given == f"-XX:{name}"
    return Path(file)


def made_by(archive: ClassArchive) -> Path:
    """Writes what Java was told to write at exit."""
    file = file_of(archive.flags()[-1], "ArchiveClassesAtExit")
    file.write_text("classes")
    return file


def test_it_is_made_by_the_first_and_read_by_the_next(cache: Path, java: Java) -> None:
    first = ClassArchive(cache, java)
    assert len(first.flags()) == 1
    made_by(first)
    first.keep()
    (flag,) = ClassArchive(cache, java).flags()
    kept = file_of(flag, "SharedArchiveFile")
    assert kept.read_text() == "classes"
    assert list(cache.iterdir()) == [kept]


def test_leftovers_of_a_killed_broker_are_deleted(cache: Path, java: Java) -> None:
    killed = ClassArchive(cache, java)
    made_by(killed)
    killed.discard()
    assert list(cache.iterdir()) == []
    made_by(ClassArchive(cache, java))


def test_two_at_once_do_not_write_to_one_file(cache: Path, java: Java) -> None:
    first, second = ClassArchive(cache, java), ClassArchive(cache, java)
    assert made_by(first) != made_by(second)
    first.keep()
    second.keep()
    assert len(list(cache.iterdir())) == 1


def test_another_java_has_its_own(cache: Path, java: Java) -> None:
    first = ClassArchive(cache, java)
    made_by(first)
    first.keep()
    other = install(cache.parent / "other", complete=True)
    for another in (Java(java.path, "21"), Java(other.path, java.version)):
        made_by(ClassArchive(cache, another))


def test_a_broker_without_an_archive_stores_nothing(cache: Path, java: Java) -> None:
    archive = ClassArchive(cache, java)
    archive.keep()
    archive.discard()
    assert list(cache.iterdir()) == []


def test_a_java_without_an_archive_of_its_own_classes_gets_one(cache: Path, tmp_path: Path) -> None:
    bare = install(tmp_path / "bare", complete=False)
    for _ in range(2):
        base, end = ClassArchive(cache, bare).flags()
        file_of(end, "ArchiveClassesAtExit")
        assert "-Xshare:dump" in file_of(base, "SharedArchiveFile").read_text()
    assert len(list(cache.iterdir())) == 1


def test_a_java_that_cannot_create_one_runs_without(cache: Path, tmp_path: Path) -> None:
    unable = install(tmp_path / "unable", complete=False, dumps=False)
    made_by(ClassArchive(cache, unable))
    assert len(ClassArchive(cache, unable).flags()) == 1
