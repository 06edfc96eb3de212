"""What `doctor` asks of Kafka: does it answer, who are the brokers, and is each reached from here."""

import asyncio
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from aiokafka.errors import KafkaError as BrokerError
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pointsman.bus import rdkafka
from pointsman.bus.epochs import transaction_version_at
from pointsman.bus.errors import KafkaUnavailableError
from pointsman.bus.reach import addresses, reach, refusal

#: Each question, seconds.
_PATIENCE_S = 5.0
#: The release in which Produce (API key 0) first had a version, newest first.
_RELEASES = ((13, "4.1 or newer"), (12, "4.0"), (11, "3.8 or 3.9"), (10, "3.7"))
_PRODUCE = 0


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker under the address that it tells its clients; `problem` is why it is not reached from here."""

    id: int
    host: str
    port: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class Probe:
    """`problem` is why there is no answer; the rest is empty then. `topics` has the partitions of each.

    `transactions`: the version of transactions that the cluster has agreed on.
    """

    bootstrap: str
    problem: str | None
    release: str | None = None
    transactions: int = 0
    cluster_id: str | None = None
    brokers: tuple[Broker, ...] = ()
    topics: dict[str, int] = field(default_factory=dict)

    @property
    def reachable(self) -> bool:
        """Whether the bootstrap address and every broker behind it can be used from here."""
        return self.problem is None and not any(broker.problem for broker in self.brokers)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        return {**asdict(self), "reachable": self.reachable}


async def probe(bootstrap: str) -> Probe:
    """Ask; never raises, whatever is wrong is in the answer."""
    try:
        await reach(bootstrap, _PATIENCE_S)
        release = await _release(bootstrap)
        transactions = await transaction_version_at(bootstrap, int(_PATIENCE_S * 1000))
        admin = AdminClient(rdkafka.settings(bootstrap))
        cluster = await asyncio.to_thread(admin.list_topics, timeout=_PATIENCE_S)
    except (ValueError, KafkaUnavailableError) as error:
        return Probe(bootstrap, str(error))
    except (OSError, EOFError, TimeoutError, BrokerError) as error:
        return Probe(bootstrap, f"something listens at {bootstrap}, but it is no Kafka broker ({error!r})")
    except KafkaException as error:
        return Probe(bootstrap, str(rdkafka.explain(bootstrap, error, _PATIENCE_S)))
    return Probe(
        bootstrap,
        None,
        release,
        transactions,
        cluster.cluster_id,
        await _brokers({each.id: (str(each.host), each.port) for each in cluster.brokers.values()}),
        {name: len(topic.partitions) for name, topic in sorted(cluster.topics.items())},
    )


async def _brokers(addresses: Mapping[int, tuple[str, int]]) -> tuple[Broker, ...]:
    known = sorted(addresses.items())
    problems = await asyncio.gather(*(refusal(*address, _PATIENCE_S) for _, address in known))
    return tuple(
        Broker(id, host, port, problem) for (id, (host, port)), problem in zip(known, problems, strict=True)
    )


async def _release(bootstrap: str) -> str | None:
    """The release by what the first broker that answers can do (ApiVersions, version 0), None when older."""
    for host, port in addresses(bootstrap):
        if await refusal(host, port, _PATIENCE_S) is None:
            versions = await _api_versions(host, port)
            newest = versions.get(_PRODUCE, 0)
            return next((release for version, release in _RELEASES if newest >= version), "older than 3.7")
    return None


async def _api_versions(host: str, port: int) -> dict[int, int]:
    """The newest version of each request, by API key.

    Raises:
        OSError, EOFError, TimeoutError: no broker answers there.
    """
    request = struct.pack(">hhih", 18, 0, 1, -1)  # key, version, correlation id, no client id
    async with asyncio.timeout(_PATIENCE_S):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(struct.pack(">i", len(request)) + request)
            size, correlation = struct.unpack(">ii", await reader.readexactly(8))
            if correlation != 1 or not 10 < size < 10_000:
                raise EOFError("its answer is none")
            body = await reader.readexactly(size - 4)
        finally:
            writer.close()
    return {key: newest for key, _, newest in struct.iter_unpack(">hhh", body[6 : len(body) - len(body) % 6])}
