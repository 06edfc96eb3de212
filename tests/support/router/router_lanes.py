"""The router's lanes without Kafka: lists as partitions, each with a handler, run until all are empty."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count

from pointsman import starter
from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.records import Incoming
from pointsman.bus.produce.lane_writer import partition_of
from pointsman.registry import agents_file
from pointsman.registry.in_force import RegistryInForce
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy import policy_file
from pointsman.router.policy.policy import Policy
from pointsman_schemas.topics import Topics

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOPICS = Topics("t")
POLICY = Policy.compile(policy_file.load(starter.POLICY))
REGISTRY = RegistryInForce(agents_file.load(starter.AGENTS, POLICY.tiers).registry)


def handler(*, remembered: int = 10_000) -> RouterHandler:
    """A handler with the starter policy and registry, at noon of 1 March 2026."""
    return RouterHandler(POLICY, REGISTRY, TOPICS, lambda: NOW, remembered=remembered)


def incoming(
    value: bytes | None,
    *,
    key: bytes | None = None,
    headers: Sequence[tuple[str, bytes]] = (),
    partition: int = 0,
    offset: int = 0,
) -> Incoming:
    """A record of the intake."""
    return Incoming(TOPICS.intake.name, partition, offset, 1_770_000_000_000, key, value, tuple(headers))


class Router:
    """Call `publish`, then `run`. `made` has the results by topic."""

    def __init__(self, partitions: int = 3) -> None:
        self._count = partitions
        self._keyless = count()
        self._waiting: dict[int, list[Incoming]] = defaultdict(list)
        self._ends: dict[int, int] = defaultdict(int)
        self._handlers = [handler() for _ in range(partitions)]
        self.made: dict[str, list[Made]] = defaultdict(list)
        self.rounds = 0

    def publish(
        self, value: bytes | None, key: bytes | None = None, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Appends a record to the partition of its key."""
        partition = partition_of(key, self._count, self._keyless)
        offset = self._ends[partition]
        self._ends[partition] = offset + 1
        self._waiting[partition].append(
            incoming(value, key=key, headers=headers, partition=partition, offset=offset)
        )

    def run(self, most: int = 10) -> "Router":
        """Processes waiting records, including those sent back to the intake, until none is left."""
        while any(self._waiting.values()):
            assert self.rounds < most, "records go round"
            self.rounds += 1
            waiting, self._waiting = self._waiting, defaultdict(list)
            for partition, records in waiting.items():
                for made in self._handlers[partition].handle_records(records):
                    self.made[made.topic].append(made)
                    if made.topic == TOPICS.intake.name:
                        self.publish(made.value, made.key, made.headers)
        return self
