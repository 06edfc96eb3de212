"""The class-data archive: one for each Java, whole or absent."""

from pathlib import Path

from pointsman.dev.class_archive import ClassArchive
from pointsman.dev.java import Java

JAVA = Java(Path("/usr/bin/java"), "17.0.15")


def made_by(archive: ClassArchive) -> Path:
    """What Java was told to write at its end, written."""
    flag, _, file = archive.flag.partition("=")
    assert flag == "-XX:ArchiveClassesAtExit"
    Path(file).write_text("classes")
    return Path(file)


def test_it_is_made_by_the_first_and_read_by_the_next(tmp_path: Path) -> None:
    first = ClassArchive(tmp_path, JAVA)
    made_by(first)
    first.keep()
    flag, _, file = ClassArchive(tmp_path, JAVA).flag.partition("=")
    assert flag == "-XX:SharedArchiveFile"
    assert Path(file).read_text() == "classes"
    assert [path.name for path in tmp_path.iterdir()] == [Path(file).name]


def test_what_a_killed_broker_left_is_thrown_away(tmp_path: Path) -> None:
    killed = ClassArchive(tmp_path, JAVA)
    made_by(killed)
    killed.discard()
    assert list(tmp_path.iterdir()) == []
    assert ClassArchive(tmp_path, JAVA).flag.startswith("-XX:ArchiveClassesAtExit")


def test_two_at_once_do_not_write_to_one_file(tmp_path: Path) -> None:
    first, second = ClassArchive(tmp_path, JAVA), ClassArchive(tmp_path, JAVA)
    assert made_by(first) != made_by(second)
    first.keep()
    second.keep()
    assert len(list(tmp_path.iterdir())) == 1


def test_another_java_has_its_own(tmp_path: Path) -> None:
    first = ClassArchive(tmp_path, JAVA)
    made_by(first)
    first.keep()
    for other in (Java(JAVA.path, "21"), Java(Path("/opt/java"), JAVA.version)):
        assert ClassArchive(tmp_path, other).flag.startswith("-XX:ArchiveClassesAtExit")


def test_a_broker_that_made_nothing_keeps_nothing(tmp_path: Path) -> None:
    archive = ClassArchive(tmp_path, JAVA)
    archive.keep()
    archive.discard()
    assert list(tmp_path.iterdir()) == []
