"""The router's fast path: the compiled library repeats decisions of the full path, from bytes to bytes.

Invariants:
- What it makes is, byte for byte, what the full path makes of the same record (tests compare both); only the
  partition is another, which is no matter for a job without an order key.
- Whatever it is not sure of, it leaves to the full path.
- Records are answered in their order: it stops at one that it leaves, and goes on behind it.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from ctypes import byref, c_int64, c_uint32, c_uint64
from typing import Any, NamedTuple
from weakref import finalize

from pointsman.bus.bundle import Bundle, compressed
from pointsman.bus.hop import Times
from pointsman.bus.record_batch import RecordBatch
from pointsman.bus.records import Incoming
from pointsman.native.library import Batch, Bytes, Numbers, library
from pointsman.router.agents_file import Registry
from pointsman.router.drift import EVERY, DriftWatch
from pointsman.router.policy import Policy
from pointsman.router.scoring import IN_DOUBT, Scorer
from pointsman.runtime.metrics import ROUTED
from pointsman.score.features import KINDS, shape_of
from pointsman.score.net import NetScore, unpack
from pointsman_schemas.decisions import Check, Decision
from pointsman_schemas.topics import Topics

#: Why it stopped at a record, as `Why` in `services/native/swift.rs`.
_DONE, _UNDECIDED = 0, 1
#: A longer value goes to the full path, which knows how to keep large ones elsewhere.
MOST_BYTES = 64 * 1024


class Left(NamedTuple):
    """A record for the full path: its place in the batch, and whether its decision may be repeated."""

    place: int
    repeatable: bool


class FastScore:
    """A policy's score made ready for the library, for all lanes; `handle` None: it has none for it."""

    def __init__(self, scorer: Scorer) -> None:
        self.handle: int | None = None
        model, bar = scorer.model, scorer.bar
        if not isinstance(model, NetScore) or bar is None or scorer.second is not None:
            return
        lib: Any = library()
        names = [bytes([each]) if isinstance(each, int) else each for each in model.features]
        width = len(model.biases) + 1
        weights = array("i", [each for packed in model.features.values() for each in unpack(packed, width)])
        heads = array("q", [each for head in model.heads for each in (*head.weights, head.bias)])
        scales = array("d", [each for head in model.heads for each in (head.slope, head.offset)])
        texts = [scorer.name.encode(), "\n".join(scorer.tiers).encode(), b"\n".join(names)]
        numbers = [
            weights, array("q", model.biases), heads, scales, array("d", [model.floor, bar.rate, bar.margin]),
            array("d", scorer.prices or [1.0] * len(scorer.tiers)),
        ]  # fmt: skip
        self.handle = lib.pointsman_model_new(*map(Bytes.of, texts), *map(Numbers.of, numbers))
        if self.handle is None:
            raise ValueError(f"the library does not take the score {scorer.name}")
        finalize(self, lib.pointsman_model_free, self.handle)


class FastSeen:
    """As `Seen`: the job ids that a lane has met lately, kept by the library."""

    def __init__(self, lib: Any, handle: int) -> None:
        self._lib = lib
        self._handle = handle

    def add(self, id: str) -> bool:
        """Remember `id`; False if it was there already."""
        content = id.encode()
        return bool(self._lib.pointsman_seen_add(self._handle, Bytes.of(content)))


class FastPath:
    """One per lane: `take` a batch, answer what is `left`, then get what it `routed` itself.

    `seen` is shared with the full path, so that a job is known to both. `largest`: bytes of a value that it
    publishes.
    """

    def __init__(
        self,
        policy: Policy,
        registry: Registry,
        topics: Topics,
        source: str,
        *,
        remembered: int,
        drift: DriftWatch,
        score: FastScore,
        largest: int = MOST_BYTES,
    ) -> None:
        lib: Any = library()
        self._lib = lib
        self._policy = policy
        self._score = score
        self._drift = drift
        self._targets = [topics.tier(tier).name for tier in policy.tiers]
        self._tags: list[tuple[str, str]] = []
        bounds = array("Q", length_bounds(policy, registry))
        texts = [topics.intake.name.encode(), source.encode(), "\n".join(policy.metadata_keys).encode()]
        self._handle: int = lib.pointsman_swift_new(
            *map(Bytes.of, texts), Numbers.of(bounds), len(policy.tiers),
            min(policy.limits.max_record_bytes, MOST_BYTES), min(largest, MOST_BYTES),
            EVERY if drift.watches else 0, score.handle, remembered,
        )  # fmt: skip
        finalize(self, lib.pointsman_swift_free, self._handle)
        self.seen = FastSeen(self._lib, self._handle)
        self._partition = 0
        self._suspended: Check | None = None
        self._held: object = None

    def take(self, records: Sequence[Incoming], time: bytes, suspended: Check | None) -> None:
        """Begin a batch: records of one partition.

        `time`: of the envelopes. `suspended`: the check that says why the score is not asked; None: it is.
        """
        self._begin(records[0].partition, time, suspended)
        batch = Batch(
            [record.offset for record in records],
            [record.key or b"" for record in records],
            [b"" if record.headers else record.value or b"" for record in records],
        )
        self._lib.pointsman_swift_take(self._handle, byref(batch))
        self._held = batch  # the library reads it until all is routed

    def take_whole(self, batches: Sequence[RecordBatch], time: bytes, suspended: Check | None) -> bool:
        """As `take`, of Kafka's own batches; False, before anything is done, where it cannot read them."""
        self._begin(batches[0].partition, time, suspended)
        contents = [batch.content() for batch in batches]
        self._held = contents
        return all(
            self._lib.pointsman_swift_read(
                self._handle, Bytes.of(content), batch.offset, batch.timestamp_ms, batch.count
            )
            for batch, content in zip(batches, contents, strict=True)
        )

    def left(self) -> Iterator[Left]:
        """Route what was taken; yields each record that is left to the full path, in order.

        Before the next one is asked for, `remember` may say what was decided.
        """
        place = 0
        while True:
            stop = self._lib.pointsman_swift_route(self._handle, place)
            place, why = stop & 0xFFFFFFFF, stop >> 32
            if why == _DONE:
                return
            yield Left(place, why == _UNDECIDED)
            place += 1

    def remember(self, decision: Decision) -> None:
        """Repeat this decision, on the record that was yielded last, for jobs that no rule tells from it."""
        scored = [check for check in decision.checks if check.layer == "score"]
        if scored and not self._would_say(scored):
            return
        tier, rule = decision.tier, decision.rule
        if (tier, rule) not in self._tags:
            self._tags.append((tier, rule))
        content = decision.__pydantic_serializer__.to_json(decision)
        self._lib.pointsman_swift_learn(
            self._handle, Bytes.of(content), self._policy.tiers.index(tier), self._tags.index((tier, rule)),
            bool(scored), self._open(decision),
        )  # fmt: skip

    def routed(self) -> list[Bundle]:
        """What it made of the batch, once all of it is routed."""
        self._watch()
        self._count()
        return self._bundles()

    def times(self) -> Times:
        """When the records of Kafka's batches came."""
        times = self._lib.pointsman_swift_times(self._handle).copy(c_int64)
        together: Counter[int] = Counter()
        for time_ms, count in zip(times[::2], times[1::2], strict=True):
            together[time_ms] += count
        return together

    def _begin(self, partition: int, time: bytes, suspended: Check | None) -> None:
        self._partition, self._suspended = partition, suspended
        why_not = b"" if suspended is None else suspended.__pydantic_serializer__.to_json(suspended)
        self._lib.pointsman_swift_begin(self._handle, partition, Bytes.of(time), Bytes.of(why_not))

    def _would_say(self, scored: Sequence[Check]) -> bool:
        """Whether these are checks that the library itself would come to."""
        if self._suspended is not None:  # the score may have been suspended in the middle of a batch
            return scored == [self._suspended]
        known = all(check.name == IN_DOUBT or check.name in self._policy.tiers for check in scored)
        return known and self._score.handle is not None

    def _open(self, decision: Decision) -> int:
        """A bit for each of the score's tiers that was open."""
        tiers = self._policy.scorer.tiers
        open_tiers = tiers if decision.open_tiers is None else decision.open_tiers
        return sum(1 << at for at, tier in enumerate(tiers) if tier in open_tiers)

    def _bundles(self) -> list[Bundle]:
        found = []
        for place in range(self._lib.pointsman_swift_runs(self._handle)):
            run = self._lib.pointsman_swift_run(self._handle, place)
            content = compressed(run.records.view())
            found.append(Bundle(self._targets[run.tier], self._partition, run.count, content))
        return found

    def _watch(self) -> None:
        drawn = self._lib.pointsman_swift_drawn(self._handle).copy(c_uint32)
        for start in range(0, len(drawn), len(KINDS)):
            self._drift.keep(shape_of(drawn[start : start + len(KINDS)]))

    def _count(self) -> None:
        for tag, jobs in enumerate(self._lib.pointsman_swift_counts(self._handle).copy(c_uint64)):
            if jobs:
                ROUTED.labels(*self._tags[tag]).inc(jobs)


def length_bounds(policy: Policy, registry: Registry) -> list[int]:
    """Lengths at which a rule or an agent's restriction changes, ascending."""
    restricted = [agent.max_chars + 1 for agent in registry.agents.values() if agent.max_chars is not None]
    return sorted({*policy.char_bounds, *restricted})
