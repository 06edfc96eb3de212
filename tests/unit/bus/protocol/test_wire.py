"""Kafka's flexible wire format, encoded and decoded."""

from collections.abc import Callable
from struct import Struct, error

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.bus.protocol.wire import WireReader, array, compact, varint


@given(st.integers(0, 2**31 - 1))
def test_numbers_are_encoded_and_decoded_unchanged(number: int) -> None:
    assert WireReader(varint(number)).varint() == number


@pytest.mark.parametrize(
    ("number", "packed"), [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\1"), (300, b"\xac\2")]
)
def test_the_lowest_bits_come_first(number: int, packed: bytes) -> None:
    assert varint(number) == packed


@pytest.mark.parametrize("value", [None, b"", b"a", b"a" * 300])
def test_null_and_empty_are_different(value: bytes | None) -> None:
    assert WireReader(compact(value)).compact() == value


def test_an_array_is_read_item_by_item_and_what_follows_stands() -> None:
    reader = WireReader(array([compact(b"a"), compact(b"b")]) + varint(7))
    assert reader.array(WireReader.compact) == [b"a", b"b"]
    assert reader.varint() == 7


def test_tagged_fields_are_passed_over() -> None:
    tags = varint(2) + varint(0) + varint(1) + b"x" + varint(3) + varint(2) + b"yz"
    reader = WireReader(tags + b"\0\5")
    assert reader.tags() == {0: b"x", 3: b"yz"}
    assert reader.unpack(Struct(">h")) == (5,)


@pytest.mark.parametrize(
    "read", [WireReader.compact, WireReader.tags, WireReader.varint, lambda r: r.unpack(Struct(">h"))]
)
def test_a_truncated_answer_is_an_error(read: Callable[[WireReader], object]) -> None:
    with pytest.raises((IndexError, error)):
        read(WireReader(b"\x85"))


def test_a_truncated_string_is_an_error() -> None:
    with pytest.raises(IndexError, match="4 bytes are announced, 2 are left"):
        WireReader(varint(5) + b"ab").compact()
