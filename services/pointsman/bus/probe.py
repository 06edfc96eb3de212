"""What `doctor` asks of Kafka: does it answer, who are the brokers, and is each reached from here."""

import asyncio
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from io import BytesIO
from typing import Any

from aiokafka.protocol.metadata import MetadataRequest_v5

from pointsman.bus.errors import KafkaUnavailableError
from pointsman.bus.reach import addresses, reach, refusal
from pointsman.bus.transaction_requests import Versions, versions
from pointsman.runtime.settings import KafkaPart

#: Each question, seconds.
_PATIENCE_S = 5.0
#: The release in which `metadata.version` first had a level, newest first.
_RELEASES = ((34, "newer than 4.4"), (31, "4.4"), (30, "4.3"), (28, "4.2"), (26, "4.1"), (22, "4.0"))
#: Bytes of an answer; what announces another number is no broker. The longest names every partition.
_LEAST, _MOST = 10, 64_000_000
_ALL_TOPICS, _CREATE_NONE = None, False


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


async def probe(settings: KafkaPart) -> Probe:
    """Ask; never raises, whatever is wrong is in the answer."""
    bootstrap = settings.kafka
    try:
        await reach(settings, _PATIENCE_S)
        host, port = await _listening(bootstrap)
        found: Versions = await _answer(host, port, versions())
        cluster = await _answer(host, port, MetadataRequest_v5(_ALL_TOPICS, _CREATE_NONE))
    except (ValueError, KafkaUnavailableError) as error:
        return Probe(bootstrap, str(error))
    except (OSError, EOFError, TimeoutError) as error:
        return Probe(bootstrap, f"something listens at {bootstrap}, but it is no Kafka broker ({error!r})")
    return Probe(
        bootstrap,
        None,
        _release(found),
        found.transactions,
        cluster.cluster_id,
        await _brokers({id: (host, port) for id, host, port, _rack in cluster.brokers}),
        {name: len(partitions) for _error, name, _internal, partitions in sorted(cluster.topics)},
    )


async def _brokers(addresses: Mapping[int, tuple[str, int]]) -> tuple[Broker, ...]:
    known = sorted(addresses.items())
    problems = await asyncio.gather(*(refusal(*address, _PATIENCE_S) for _, address in known))
    return tuple(
        Broker(id, host, port, problem) for (id, (host, port)), problem in zip(known, problems, strict=True)
    )


def _release(found: Versions) -> str:
    known = found.known.get("metadata.version", 0)
    return next((release for level, release in _RELEASES if known >= level), "unknown")


async def _listening(bootstrap: str) -> tuple[str, int]:
    """The first of these addresses that takes a connection.

    Raises:
        KafkaUnavailableError: none does any more.
    """
    for host, port in addresses(bootstrap):
        if await refusal(host, port, _PATIENCE_S) is None:
            return host, port
    raise KafkaUnavailableError(bootstrap, _PATIENCE_S, "what listened there is gone")


async def _answer(host: str, port: int, request: Any) -> Any:
    """What is answered at this very address, to a request of aiokafka's form.

    Asked by hand: a client would ask the brokers under the addresses that they tell, which may be wrong.

    Raises:
        OSError, EOFError, TimeoutError: no broker answers there.
    """
    sent = request.build_request_header(1, "pointsman").encode() + request.encode()
    async with asyncio.timeout(_PATIENCE_S):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(struct.pack(">i", len(sent)) + sent)
            (size,) = struct.unpack(">i", await reader.readexactly(4))
            if not _LEAST <= size <= _MOST:
                raise EOFError("its answer is none")
            answer = BytesIO(await reader.readexactly(size))
        finally:
            writer.close()
    try:
        request.parse_response_header(answer)
        return request.RESPONSE_TYPE.decode(answer)
    except (struct.error, ValueError, IndexError) as error:
        raise EOFError("its answer is none") from error
