"""Postgres addresses in every notation, without disclosing the password."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.cli.errors import explain
from pointsman.store.address import AddressError, read_address, without_secrets
from pointsman.store.connect import place
from pointsman.store.errors import StoreError

AT = "127.0.0.1:15432/x"


@pytest.mark.parametrize(
    "password",
    [
        *(
            "pa/ss",
            "pa#ss",
            "pa?ss",
            "pa[ss",
            "pa]ss",
            "p@ss",
            "p@/ss",
            "pa:ss",
            "12/ss",
            "12?ss",
            "p%ss",
            "p ss",
            "p&s=s",
        ),
        *("ü€", "a@b@c", "[::1]", "//", "#", "?", "p\\s", "p;s", "p'\"s", "p+s", "%", "pa@ss#x/y"),
    ],
)
def test_a_password_may_be_written_as_it_is_or_encoded(password: str) -> None:
    for text in (f"postgresql://u:{password}@{AT}", read_address(f"postgresql://u:{password}@{AT}").dsn):
        parts = urlsplit(read_address(text).dsn)
        assert (parts.username, unquote(parts.password or "")) == ("u", password)
        assert (parts.hostname, parts.port, parts.path) == ("127.0.0.1", 15432, "/x")
        assert place(text) == AT


@given(st.text(st.characters(exclude_characters="%", exclude_categories=["C", "Z"]), min_size=1, max_size=20))
def test_every_password_comes_through(password: str) -> None:
    parts = urlsplit(read_address(f"postgresql://u:{password}@db.test:1/x").dsn)
    if "@" not in password:  # of several places that may be meant the first is taken
        assert unquote(parts.password or "") == password


@pytest.mark.parametrize(
    ("text", "dsn"),
    [
        (f"postgresql://u@{AT}", f"postgresql://u@{AT}"),
        (f"postgres://{AT}", f"postgres://{AT}"),
        ("postgresql:///x?host=/run/postgresql", "postgresql:///x?host=%2Frun%2Fpostgresql"),
        ("postgresql://u:p@a:1,b:2/x?target_session_attrs=read-write", "postgresql://u:p@a:1,b:2/x?target_session_attrs=read-write"),
        ("postgresql://u:p@[::1]:1/x", "postgresql://u:p@[::1]:1/x"),
        ("postgresql://h/x?user=a@b", "postgresql://h/x?user=a%40b"),
        ("postgresql://u:p@h/x?application_name=a@b", "postgresql://u:p@h/x?application_name=a%40b"),
        (f"postgresql://u@{AT}?connect_timeout=3&sslmode=disable", f"postgresql://u@{AT}?sslmode=disable"),
        (f"postgresql://u@{AT}?channel_binding=require", f"postgresql://u@{AT}"),
        (f"postgresql://u@{AT}?keepalives=1&gssencmode=disable&client_encoding=utf8", f"postgresql://u@{AT}"),
    ],
)  # fmt: skip
def test_parameters_for_libpq_only_are_left_out(text: str, dsn: str) -> None:
    assert read_address(text).dsn == dsn
    assert read_address(dsn).dsn == dsn


@pytest.mark.parametrize(
    ("value", "seconds"), [("3", 3), ("1", 2), ("0", None), ("-1", None), ("x", None), ("9" * 30, 600)]
)
def test_the_time_to_connect_is_the_address(value: str, seconds: float | None) -> None:
    assert read_address(f"postgresql://u@{AT}?connect_timeout={value}").timeout_s == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3cret",
        "mysql://u:s3cret@h/x",
        "postgresql://u:s3cret@h:port/x",
        "postgresql://u:s3cret",
        "postgresql://u:s3cret@h/x y",
    ],
)
def test_an_invalid_address_is_reported_without_repeating_it(text: str) -> None:
    with pytest.raises(AddressError) as refused:
        read_address(text)
    assert "s3cret" not in str(refused.value)
    with pytest.raises(StoreError) as raised:
        place(text)
    assert "s3cret" not in str(raised.value)
    assert "POINTSMAN_POSTGRES" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis://h/0,postgresql://u:s3cret@h", "redis://h/0,postgresql://u:***@h"),
        ("'http://u:s3cret@proxy:3128'", "'http://u:***@proxy:3128'"),
        ("postgresql://u:s3@c:r@h/x and s3://u:s3cret@b", "postgresql://u:***@h/x and s3://u:***@b"),
        ("http://h:80/x", "http://h:80/x"),
        ("http://h/a:b", "http://h/a:b"),
    ],
)
def test_passwords_of_all_addresses_in_a_text_are_removed(text: str, expected: str) -> None:
    assert without_secrets(text) == expected


@pytest.mark.parametrize("password", ["s3c/ret", "s3c#ret", "s3c?ret", "s3c@ret", "s3c:ret", "s3c[ret"])
def test_no_error_discloses_part_of_a_password(password: str) -> None:
    message = f"cannot connect to postgresql://u:{password}@h:1/x?sslpassword=s3cret&a=b, see there"
    for text in (without_secrets(message), str(explain(OSError(message)))):
        assert "s3c" not in text
        assert "ret" not in text
        assert "postgresql://u:***@h:1/x" in text
