"""Finds and declares the compiled library; there may be none, and then nothing here is used."""

import ctypes
import logging
from array import array
from collections.abc import Sequence
from ctypes import (
    POINTER,
    Structure,
    byref,
    c_bool,
    c_char,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import cache
from pathlib import Path
from typing import Any

from pointsman.runtime.logging import event

log = logging.getLogger(__name__)

#: Beside this file, by `scripts/build_native.py`; the same name on every system.
LIBRARY = Path(__file__).with_name("swift.so")
#: As in `services/native/lib.rs`.
VERSION = 2


class Bytes(Structure):
    """Bytes that stay their owner's while a function reads them."""

    _fields_ = (("start", c_void_p), ("size", c_size_t))

    @classmethod
    def of(cls, content: bytes) -> "Bytes":
        """`content` must be held by the caller."""
        return cls(ctypes.cast(c_char_p(content), c_void_p), len(content))

    def view(self) -> Any:
        """What stands there, as long as it does."""
        return (c_char * self.size).from_address(self.start)


class Numbers(Structure):
    """Numbers of one kind."""

    _fields_ = (("start", c_void_p), ("count", c_size_t))

    @classmethod
    def of(cls, array: "Any") -> "Numbers":
        """Of an `array.array`, which must be held by the caller."""
        return cls(*array.buffer_info())

    def copy(self, kind: Any) -> list[int]:
        """What stands there now; `kind` is a type of ctypes'."""
        return list((kind * self.count).from_address(self.start)) if self.count else []


class Batch(Structure):
    """Records side by side."""

    _fields_ = (
        ("count", c_size_t),
        ("offsets", c_void_p),
        ("keys", c_void_p),
        ("key_sizes", c_void_p),
        ("values", c_void_p),
        ("value_sizes", c_void_p),
    )

    def __init__(self, offsets: Sequence[int], keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        count = len(offsets)
        numbers = array("q", offsets), array("Q", map(len, keys)), array("Q", map(len, values))
        texts = (c_char_p * count)(*keys), (c_char_p * count)(*values)
        offsets_at, key_sizes, value_sizes = map(_address, numbers)
        keys_at, values_at = map(ctypes.addressof, texts)
        super().__init__(count, offsets_at, keys_at, key_sizes, values_at, value_sizes)
        self._held = (numbers, texts, keys, values)


def _address(numbers: "array[int]") -> int:
    return numbers.buffer_info()[0]


class MadeRun(Structure):
    """Records of one batch for one partition of a tier's topic."""

    _fields_ = (("tier", c_uint32), ("count", c_uint32), ("records", Bytes))


@cache
def library() -> ctypes.CDLL | None:
    """The library; None where it was not built for this version."""
    try:
        found = ctypes.CDLL(str(LIBRARY))
    except OSError:
        return None
    found.pointsman_version.restype = c_uint32
    if found.pointsman_version() != VERSION:
        event(
            log,
            logging.WARNING,
            "the native library is of another version, build it again",
            path=str(LIBRARY),
        )
        return None
    _declare(found)
    return found


def _declare(found: ctypes.CDLL) -> None:
    swift, model = c_void_p, c_void_p
    declared: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "model_new": (model, (Bytes, Bytes, Bytes, *[Numbers] * 6)),
        "model_free": (None, (model,)),
        "swift_new": (
            swift,
            (Bytes, Bytes, Bytes, Numbers, c_size_t, c_size_t, c_size_t, c_uint32, model, c_size_t),
        ),
        "swift_free": (None, (swift,)),
        "swift_begin": (None, (swift, c_int32, Bytes, Bytes)),
        "swift_take": (None, (swift, POINTER(Batch))),
        "swift_read": (c_bool, (swift, Bytes, c_int64, c_int64, c_size_t)),
        "swift_route": (c_uint64, (swift, c_size_t)),
        "swift_times": (Numbers, (swift,)),
        "swift_learn": (None, (swift, Bytes, c_size_t, c_size_t, c_bool, c_uint64)),
        "swift_runs": (c_size_t, (swift,)),
        "swift_run": (MadeRun, (swift, c_size_t)),
        "swift_counts": (Numbers, (swift,)),
        "swift_drawn": (Numbers, (swift,)),
        "seen_add": (c_bool, (swift, Bytes)),
    }
    for name, (made, given) in declared.items():
        function = getattr(found, f"pointsman_{name}")
        function.restype, function.argtypes = made, given


__all__ = ["LIBRARY", "Batch", "Bytes", "MadeRun", "Numbers", "byref", "library"]
