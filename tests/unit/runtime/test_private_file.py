"""Private files are never readable by others, whatever existed before."""

import os
from pathlib import Path

from pointsman.runtime.private_file import write_private


def test_only_the_owner_may_read_it_even_where_others_had_the_old_one_open(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("old")
    file.chmod(0o666)
    before = os.umask(0)
    try:
        with file.open() as held:
            write_private(file, "secret")
            assert held.read() == "old"
    finally:
        os.umask(before)
    assert (file.read_text(), oct(file.stat().st_mode & 0o777)) == ("secret", "0o600")
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    write_private(tmp_path / "link", "secret")
    assert (tmp_path / "elsewhere").read_text() == "kept"
    assert not (tmp_path / "link").is_symlink()
