"""The router's fast path and the audit's reader, compiled; see `services/native/src/lib.rs`."""

from collections.abc import Mapping, Sequence
from typing import Any, final

VERSION: int

@final
class MessageReader:
    def __new__(
        cls,
        kinds: Sequence[tuple[str, tuple[object, ...], Sequence[Sequence[str]], Mapping[str, int]]],
    ) -> MessageReader: ...
    def read(
        self,
        place: tuple[str, int, int, int],
        key: bytes | None,
        value: bytes,
        headers: tuple[tuple[str, bytes], ...],
        submitted: bool,
    ) -> tuple[Any, ...] | None: ...

@final
class Score:
    def __new__(
        cls,
        name: bytes,
        tiers: Sequence[bytes],
        features: Sequence[bytes],
        weights: Sequence[int],
        biases: Sequence[int],
        heads: Sequence[int],
        scales: Sequence[float],
        bars: tuple[float, float, float],
        prices: Sequence[float],
    ) -> Score: ...

@final
class FastPath:
    def __new__(
        cls,
        topic: bytes,
        source: bytes,
        metadata: Sequence[bytes],
        bounds: Sequence[int],
        tiers: int,
        max_bytes: int,
        largest: int,
        draw_every: int,
        score: Score | None,
        remembered: int,
        signatures: int,
    ) -> FastPath: ...
    def demand(
        self, topic: bytes, keys: Sequence[tuple[bytes, Sequence[tuple[bytes, bytes]]]] | None
    ) -> None: ...
    def use_up(self, agent: bytes, raw: bytes, time_ms: int, at_ms: int) -> int: ...
    def forget(self, bounds: Sequence[int]) -> None: ...
    def begin(self, partition: int, partitions: int, time: bytes, suspended: bytes) -> None: ...
    def take(self, records: Sequence[tuple[int, bytes, bytes]]) -> None: ...
    def read(self, records: bytes, first: int, first_ms: int, count: int, taken_ms: int | None) -> bool: ...
    def recall(self, index: int) -> int: ...
    def route(self, index: int) -> tuple[int, int]: ...
    def remember(self, decision: bytes, tier: int, tag: int, open: int | None) -> None: ...
    def made(self) -> list[tuple[int, int, bytes]]: ...
    def times(self) -> list[tuple[int, int]]: ...
    def counts(self) -> list[int]: ...
    def drawn(self) -> list[list[int]]: ...
    def seen(self, id: str) -> bool: ...
