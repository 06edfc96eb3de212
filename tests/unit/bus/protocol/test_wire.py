"""Kafka's flexible wire format, both ways."""

from collections.abc import Callable
from struct import Struct, error

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.bus.protocol.wire import Reader, array, compact, varint


@given(st.integers(0, 2**31 - 1))
def test_a_number_is_read_as_it_was_packed(number: int) -> None:
    assert Reader(varint(number)).varint() == number


@pytest.mark.parametrize(
    ("number", "packed"), [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\1"), (300, b"\xac\2")]
)
def test_the_lowest_bits_come_first(number: int, packed: bytes) -> None:
    assert varint(number) == packed


@pytest.mark.parametrize("value", [None, b"", b"a", b"a" * 300])
def test_none_is_told_from_empty(value: bytes | None) -> None:
    assert Reader(compact(value)).compact() == value


def test_an_array_is_read_item_by_item_and_what_follows_stands() -> None:
    reader = Reader(array([compact(b"a"), compact(b"b")]) + varint(7))
    assert reader.array(Reader.compact) == [b"a", b"b"]
    assert reader.varint() == 7


def test_tagged_fields_are_passed_over() -> None:
    tags = varint(2) + varint(0) + varint(1) + b"x" + varint(3) + varint(2) + b"yz"
    reader = Reader(tags + b"\0\5")
    assert reader.tags() == {0: b"x", 3: b"yz"}
    assert reader.unpack(Struct(">h")) == (5,)


@pytest.mark.parametrize(
    "read", [Reader.compact, Reader.tags, Reader.varint, lambda r: r.unpack(Struct(">h"))]
)
def test_an_answer_that_is_cut_off_is_no_shorter_answer(read: Callable[[Reader], object]) -> None:
    with pytest.raises((IndexError, error)):
        read(Reader(b"\x85"))


def test_a_text_that_is_cut_off_is_no_shorter_text() -> None:
    with pytest.raises(IndexError, match="4 bytes are announced, 2 are left"):
        Reader(varint(5) + b"ab").compact()
