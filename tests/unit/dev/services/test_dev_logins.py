"""The dev stack's users have separate passwords, and none can derive the owner's."""

from urllib.parse import urlsplit

from pointsman.dev.services.logins import reader, writer

OWNER = "postgresql://pointsman:s%40cret@127.0.0.1:1/pointsman"


def test_reader_and_writer_have_passwords_that_stay_and_differ() -> None:
    passwords = [urlsplit(address(OWNER)).password or "" for address in (reader, writer)]
    assert len({*passwords, "s%40cret"}) == 3 and all(len(password) == 64 for password in passwords)
    assert reader(OWNER) == reader(OWNER)
    assert reader(OWNER) == reader(OWNER.replace(":1/", ":2/")).replace(":2/", ":1/")
    assert reader(OWNER) != reader(OWNER.replace("s%40cret", "another"))


def test_the_same_password_written_otherwise_is_the_same() -> None:
    assert reader(OWNER) == reader("postgresql://pointsman:s@cret@127.0.0.1:1/pointsman")


def test_where_the_owner_needs_none_they_have_none() -> None:
    assert reader("postgresql://pointsman@h/d") == "postgresql://pointsman_reader@h/d"
    assert writer("postgresql://h/d") == "postgresql://pointsman_writer@h/d"
