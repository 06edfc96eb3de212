"""What `doctor` checks: whether Kafka answers, its brokers, and whether each is reachable from here."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.metadata import MetadataRequest

from pointsman.bus.errors import BusError, KafkaLoginError
from pointsman.bus.protocol.transaction_requests import Versions, versions
from pointsman.bus.refused_connection import FAILURES
from pointsman.bus.tcp_check import await_server, connected, refusal
from pointsman.runtime.settings import KafkaPart

#: Time limit for each request, in seconds.
_PATIENCE_S = 5.0
#: Levels of `metadata.version`, and the release that introduced each, newest first.
_RELEASES = ((34, "newer than 4.4"), (31, "4.4"), (30, "4.3"), (28, "4.2"), (26, "4.1"), (22, "4.0"))


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker at its advertised address. `problem`: why it cannot be reached from here."""

    id: int
    host: str
    port: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class Probe:
    """If Kafka did not answer: `problem`, and `fix`, what to do; the other fields are then empty.

    `topics`: the number of partitions by topic. `transactions`: the finalized level of `transaction.version`.
    """

    bootstrap: str
    problem: str | None
    release: str | None = None
    transactions: int = 0
    cluster_id: str | None = None
    brokers: tuple[Broker, ...] = ()
    topics: dict[str, int] = field(default_factory=dict)
    fix: str = ""

    @property
    def reachable(self) -> bool:
        """Whether the bootstrap address and every broker can be reached from here."""
        return self.problem is None and not any(broker.problem for broker in self.brokers)

    def to_json(self) -> dict[str, Any]:
        """Return all fields as JSON."""
        return {**asdict(self), "reachable": self.reachable}


async def probe(settings: KafkaPart) -> Probe:
    """Probe the cluster; never raises, but reports problems in the result."""
    bootstrap = settings.kafka
    try:
        host, port = await await_server(settings, _PATIENCE_S)
        async with connected(settings, host, port, _PATIENCE_S) as connection:
            spoken = await _versions(connection)
            cluster = await connection.send(MetadataRequest(None, allow_auto_topic_creation=False))
    except ValueError as error:
        return Probe(bootstrap, str(error))
    except BusError as error:
        fix = error.hint if isinstance(error, KafkaLoginError) else ""
        return Probe(bootstrap, str(error), fix=fix)
    except FAILURES as error:
        return Probe(bootstrap, f"something listens at {bootstrap}, but it is no Kafka broker ({error!r})")
    return Probe(
        bootstrap,
        None,
        _release(spoken),
        spoken.transactions,
        cluster.cluster_id,
        await _brokers(settings, {id: (host, port) for id, host, port, _rack in cluster.brokers}),
        {name: len(partitions) for _error, name, _internal, partitions in sorted(cluster.topics)},
    )


async def _brokers(settings: KafkaPart, addresses: Mapping[int, tuple[str, int]]) -> tuple[Broker, ...]:
    brokers = sorted(addresses.items())
    problems = await asyncio.gather(*(refusal(settings, *address, _PATIENCE_S) for _, address in brokers))
    return tuple(
        Broker(id, host, port, None if problem is None else str(problem))
        for (id, (host, port)), problem in zip(brokers, problems, strict=True)
    )


def _release(spoken: Versions) -> str:
    level_in_use = spoken.known.get("metadata.version", 0)
    return next((release for level, release in _RELEASES if level_in_use >= level), "unknown")


async def _versions(connection: AIOKafkaConnection) -> Versions:
    """Return what this server reports; empty if it is too old to report."""
    try:
        spoken: Versions = await connection.send(versions())
    except IncompatibleBrokerVersion:
        return Versions({}, {})
    return spoken
