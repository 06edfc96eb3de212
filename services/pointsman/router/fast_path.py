"""The router's fast path: the compiled library repeats decisions of the full path, from bytes to bytes.

Invariants:
- Its records are, byte for byte, those that the full path makes (tests compare both); only the partition may
  differ, which does not matter for a job without an order key.
- Whatever it cannot decide for certain, it leaves to the full path.
- Records are handled in order: it stops at one that it leaves, and continues after that one.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pointsman.bus.codec.decompress import DecompressError
from pointsman.bus.codec.encoded_batch import EncodedBatch, compressed
from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume.processing_delay import Times
from pointsman.identity.used import CAPACITY
from pointsman.identity.verify import AgentKeys, SignatureVerdict
from pointsman.registry.registry import Registry
from pointsman.router.policy.policy import Policy
from pointsman.router.scoring.drift import EVERY, DriftWatch
from pointsman.router.scoring.scoring import IN_DOUBT, Scorer
from pointsman.runtime.metrics import ROUTED
from pointsman.runtime.native import library
from pointsman.score.features import shape_of
from pointsman.score.net import unpack
from pointsman_schemas.decisions import Check, Decision
from pointsman_schemas.topics import Topics

if TYPE_CHECKING:
    import pointsman_native

#: Why the library stopped at a record; see `Why` in `services/native/src/router.rs`.
_DONE, _UNDECIDED = 0, 1
#: Longer values are left to the full path, which can put them into the store of large values.
MOST_BYTES = 64 * 1024
#: The most decompressed bytes of batches taken together.
MOST_CONTENT_BYTES = 32 * 1024 * 1024


class FullPathRecord(NamedTuple):
    """A record for the full path: its number in the batch, and whether its decision may be repeated."""

    number: int
    repeatable: bool


class FastScore:
    """A policy's score compiled for the library, for all lanes.

    `native`: None if the library cannot score.
    """

    def __init__(self, scorer: Scorer) -> None:
        self.native: pointsman_native.Score | None = None
        model, bar = scorer.model, scorer.bar
        if model is None or not model.heads or bar is None or scorer.second is not None:
            return
        width = len(model.biases) + 1
        self.native = library().Score(
            scorer.name.encode(),
            [tier.encode() for tier in scorer.tiers],
            [bytes([name]) if isinstance(name, int) else name for name in model.features],
            [weight for packed in model.features.values() for weight in unpack(packed, width)],
            model.biases,
            [number for head in model.heads for number in (*head.weights, head.bias)],
            [number for head in model.heads for number in (head.slope, head.offset)],
            (model.floor, bar.rate, bar.margin),
            scorer.prices or [1.0] * len(scorer.tiers),
        )


#: In the order of `Use` in `services/native/src/used.rs`.
_USED = (SignatureVerdict.VALID, SignatureVerdict.REPEATED, SignatureVerdict.STALE)


class FastPath:
    """One per lane. For each batch, in this order:

    1. `take_records` or `take_batches`;
    2. for each record of `for_full_path()`: decide it, and call `remember_decision` if that may be repeated;
    3. `routed()`, and after `take_batches` also `times()`.

    Its decisions are valid for one registry: call `forget` with the first one, and whenever it changes. The
    full path uses `add_id` and `use` too, so that both know the same jobs and signatures. `largest`: most
    bytes of a value to publish. `seed`: stands for the intake in derived ids, so that a recreated topic gives
    other ids; if empty, the intake's name does. `partitions`: returns the intake's number of partitions.
    """

    def __init__(
        self,
        policy: Policy,
        topics: Topics,
        source: str,
        *,
        remembered: int,
        drift: DriftWatch,
        score: FastScore,
        largest: int,
        seed: str,
        partitions: Callable[[], int],
    ) -> None:
        self._topic = topics.intake.name.encode()
        self._partitions = partitions
        self._policy = policy
        self._score = score
        self._drift = drift
        self._targets = [topics.tier(tier).name for tier in policy.tiers]
        self._tags: list[tuple[str, str]] = []
        self._native: pointsman_native.FastPath = library().FastPath(
            (seed or topics.intake.name).encode(),
            source.encode(),
            [key.encode() for key in policy.metadata_keys],
            list(policy.char_bounds),
            len(policy.tiers),
            min(policy.limits.max_record_bytes, MOST_BYTES),
            min(largest, MOST_BYTES),
            EVERY if drift.watches else 0,
            score.native,
            remembered,
            CAPACITY,
        )
        self._partition = 0
        self._suspended: Check | None = None

    def add_id(self, id: str) -> bool:
        """Remember a job's id, as `RecentIds.add`; return False if it was known already."""
        return self._native.seen(id)

    def use(self, agent_id: str, raw: bytes, time_ms: int, at_ms: int) -> SignatureVerdict:
        """Use a valid signature up, as `UsedSignatures.use`."""
        return _USED[self._native.use_up(agent_id.encode(), raw, time_ms, at_ms)]

    def forget(self, registry: Registry, keys: AgentKeys | None) -> None:
        """Forget all decisions, as the registry changed. `keys`: of agents that must sign."""
        self._native.forget(length_bounds(self._policy, registry))
        listed = (
            None
            if keys is None
            else [(agent.encode(), [(id.encode(), raw) for id, raw in own]) for agent, own in keys.listed()]
        )
        self._native.demand(self._topic, listed)

    def take_records(self, records: Sequence[Incoming], time: bytes, suspended: Check | None) -> None:
        """Begin a batch of records of one partition.

        `time`: for the envelopes. `suspended`: the check that says why the score is not asked; None if it is.
        """
        self._begin(records[0].partition, time, suspended)
        self._native.take(
            [
                (record.offset, record.key or b"", b"" if record.headers else record.value or b"")
                for record in records
            ]
        )

    def take_batches(self, batches: Sequence[RecordBatch], time: bytes, suspended: Check | None) -> bool:
        """Begin a batch of whole Kafka batches; return False, with no effect, if it cannot read them."""
        self._begin(batches[0].partition, time, suspended)
        size = 0
        for batch in batches:
            try:
                content = batch.content()
            except DecompressError:
                return False
            size += len(content)
            if size > MOST_CONTENT_BYTES:
                return False
            if not self._native.read(content, batch.offset, batch.timestamp_ms, batch.count, batch.taken_ms):
                return False
        return True

    def remember_batch(self, batch: RecordBatch) -> list[int] | None:
        """Remember the jobs and signatures of a batch that an earlier object handled.

        Returns the indexes of the records left to the full path; None if it cannot read the batch.
        """
        if not self.take_batches([batch], b"", None):
            return None
        indexes, index = [], -1
        while (index := self._native.recall(index + 1)) < batch.count:
            indexes.append(index)
        return indexes

    def for_full_path(self) -> Iterator[FullPathRecord]:
        """Route the batch; yield each record that is left to the full path, in order.

        Before asking for the next one, the caller may pass the decision to `remember_decision`.
        """
        index = 0
        while True:
            index, why = self._native.route(index)
            if why == _DONE:
                return
            yield FullPathRecord(index, why == _UNDECIDED)
            index += 1

    def remember_decision(self, decision: Decision) -> None:
        """Repeat this decision, on the record yielded last, for jobs that no rule can tell apart from it."""
        scored = [check for check in decision.checks if check.layer == "score"]
        if scored and not self._would_say(scored):
            return
        tier, rule = decision.tier, decision.rule
        if (tier, rule) not in self._tags:
            self._tags.append((tier, rule))
        self._native.remember(
            decision.__pydantic_serializer__.to_json(decision),
            self._policy.tiers.index(tier),
            self._tags.index((tier, rule)),
            self._open(decision) if scored else None,
        )

    def routed(self) -> list[EncodedBatch]:
        """Return the records made from the batch, once all of it is routed."""
        self._watch()
        self._count()
        return self._encoded_batches()

    def times(self) -> Times:
        """Count the records of the Kafka batches by timestamp."""
        together: Counter[int] = Counter()
        for time_ms, count in self._native.times():
            together[time_ms] += count
        return together

    def _begin(self, partition: int, time: bytes, suspended: Check | None) -> None:
        self._partition, self._suspended = partition, suspended
        why_not = b"" if suspended is None else suspended.__pydantic_serializer__.to_json(suspended)
        self._native.begin(partition, self._partitions(), time, why_not)

    def _would_say(self, scored: Sequence[Check]) -> bool:
        """Whether the library itself would make these checks."""
        if self._suspended is not None:  # the score may be suspended during a batch
            return scored == [self._suspended]
        all_known = all(check.name == IN_DOUBT or check.name in self._policy.tiers for check in scored)
        return all_known and self._score.native is not None

    def _open(self, decision: Decision) -> int:
        """Return a bit mask of the score's open tiers."""
        tiers = self._policy.scorer.tiers
        open_tiers = tiers if decision.open_tiers is None else decision.open_tiers
        return sum(1 << index for index, tier in enumerate(tiers) if tier in open_tiers)

    def _encoded_batches(self) -> list[EncodedBatch]:
        return [
            EncodedBatch(self._targets[tier], self._partition, count, compressed(records))
            for tier, count, records in self._native.made()
        ]

    def _watch(self) -> None:
        for drawn in self._native.drawn():
            self._drift.keep(shape_of(drawn))

    def _count(self) -> None:
        for tag, jobs in enumerate(self._native.counts()):
            if jobs:
                ROUTED.labels(*self._tags[tag]).inc(jobs)


def length_bounds(policy: Policy, registry: Registry) -> list[int]:
    """Return the text lengths at which a rule or an agent's restriction changes, ascending."""
    entries = [agent.entry for agent in registry.agents.values()]
    restricted = [entry.max_chars + 1 for entry in entries if entry.max_chars is not None]
    return sorted({*policy.char_bounds, *restricted})
