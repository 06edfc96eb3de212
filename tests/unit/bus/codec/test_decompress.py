"""No codec decompresses beyond the limit: a larger batch is returned as one record that says so."""

import contextlib
import gzip
import subprocess
import sys
from collections.abc import Callable
from struct import pack

import cramjam
import pytest
from aiokafka.codec import snappy_encode
from hypothesis import given
from hypothesis import strategies as st

from pointsman.bus.codec.decode import Malformed, decode
from pointsman.bus.codec.decompress import MAX_BATCH_BYTES, DecompressError, decompress
from pointsman.bus.codec.intake import decode_intake
from pointsman.bus.codec.records import Unread
from pointsman_schemas.reasons import Reason
from tests.support.bus.record_log import GZIP, LZ4, NONE, PLACE, SNAPPY, ZSTD, Log, read

LIMIT = 100_000
ENCODERS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "gzip": (GZIP, gzip.compress),
    "snappy": (SNAPPY, lambda data: bytes(cramjam.snappy.compress_raw(data))),
    "snappy in blocks": (SNAPPY, snappy_encode),
    "lz4": (LZ4, lambda data: bytes(cramjam.lz4.compress(data))),
    "zstd": (ZSTD, lambda data: bytes(cramjam.zstd.compress(data))),
    "none": (NONE, bytes),
}


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT])
def test_values_within_the_limit_are_decompressed(name: str, size: int) -> None:
    codec, encode = ENCODERS[name]
    data = bytes(range(256)) * (size // 256 + 1)
    assert decompress(codec, encode(data[:size]), LIMIT) == data[:size]


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("size", [LIMIT + 1, 50 * LIMIT])
def test_larger_values_are_refused(name: str, size: int) -> None:
    codec, encode = ENCODERS[name]
    with pytest.raises(DecompressError, match="at most 100,000"):
        decompress(codec, encode(bytes(size)), LIMIT)


@pytest.mark.parametrize("name", ["gzip", "lz4", "zstd"])
def test_consecutive_frames_share_the_limit(name: str) -> None:
    codec, encode = ENCODERS[name]
    assert decompress(codec, encode(b"one") + encode(b"two"), LIMIT) == b"onetwo"
    with pytest.raises(DecompressError):
        decompress(codec, 2 * encode(bytes(LIMIT - 1)), LIMIT)


@given(st.sampled_from([GZIP, SNAPPY, LZ4, ZSTD, 5, 7]), st.binary(max_size=200), st.booleans())
def test_random_bytes_are_refused_or_stay_within_the_limit(codec: int, noise: bytes, in_blocks: bool) -> None:
    data = b"\x82SNAPPY\x00" + pack(">ii", 1, 1) + noise if in_blocks else noise
    with contextlib.suppress(DecompressError):
        assert len(decompress(codec, data, LIMIT)) <= LIMIT


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_an_oversized_batch_becomes_one_record_and_reading_continues(codec: int) -> None:
    log = Log()
    log.add([b"before"])
    log.add([b"x", bytes(MAX_BATCH_BYTES), b"y"], codec=codec)
    log.add([b"behind"])
    before, record, behind = [record for batch in read(log) for record in batch.records()]
    assert (before.value, behind.value, record.offset, behind.offset) == (b"before", b"behind", 3, 4)
    assert isinstance(record, Unread)
    for understood in (decode(record), decode_intake(record)):
        assert isinstance(understood, Malformed)
        assert understood.reason is Reason.TOO_LARGE
        assert f"{PLACE[0]}/{PLACE[1]}, offsets 1 to 3" in understood.message
        assert "SHA-256" in understood.message
    assert [*read(log, start=2)[0].records()] == [record], "the same wherever in it reading begins"


def test_a_compressed_gigabyte_uses_no_memory() -> None:
    """In a separate process, to measure its peak memory."""
    program = """
import resource
from tests.support.bus.bombs import bomb
from tests.support.bus.record_log import ZSTD, read
log = bomb(ZSTD, 1_100_000_000)
assert len(log.data) < 200_000
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(record,) = [record for batch in read(log) for record in batch.records()]
assert record.value is None
more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
assert more < 120, f"{more:.0f} MB"
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
