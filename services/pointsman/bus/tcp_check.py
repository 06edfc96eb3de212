"""Checks that Kafka accepts a connection, and says why if not, before clients connect.

aiokafka's clients retry forever, and report the reason only in the log.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.metadata import MetadataRequest

from pointsman.bus import connection
from pointsman.bus.errors import BusError, KafkaLoginError, KafkaUnavailableError
from pointsman.bus.refused_connection import FAILURES, ConnectionStage, explain
from pointsman.runtime.settings import KafkaPart

#: How long to wait for Kafka before reporting that it is unavailable, in seconds.
PATIENCE_S = 10.0
_PAUSE_S = 0.2
#: A server that closes connections may be starting; after so many seconds it counts as refusing them.
_STARTING_S = 2.0
_CLOSE_S = 1.0
_NO_TOPICS: list[str] = []


def addresses(bootstrap: str) -> list[tuple[str, int]]:
    """Return host and port of each server in `bootstrap` (comma-separated, default port 9092).

    Raises:
        ValueError: a part is no address; the text says which.
    """
    addresses = []
    for part in bootstrap.split(","):
        server = part.strip()
        host, separator, port = server.rpartition(":")
        if not separator or server.endswith("]"):
            host, port = server, "9092"
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"{part!r} is not the address of a Kafka server: must be HOST:PORT")
        addresses.append((host.strip("[]"), int(port)))
    return addresses


@asynccontextmanager
async def connected(
    settings: KafkaPart, host: str, port: int, within: float
) -> AsyncIterator[AIOKafkaConnection]:
    """A connection that was accepted: the server answers a request that needs the login.

    Raises:
        KafkaLoginError: the server refuses us.
        BusError: there is no response within `within` seconds.
    """
    made = connection.connection(settings, host, port, within)
    stage = ConnectionStage.CONNECTING
    try:
        try:
            async with asyncio.timeout(within):
                await made.connect()
                stage = ConnectionStage.LET_IN
                if not (await made.send(MetadataRequest(_NO_TOPICS))).brokers:
                    raise ConnectionResetError("the broker refuses this client: its answer names no broker")
        except FAILURES as error:
            if stage is ConnectionStage.CONNECTING and made._versions:
                stage = ConnectionStage.LOGGING_IN
            raise explain(error, stage, settings, (host, port), within) from error
        yield made
    finally:
        if (closing := made.close()) is not None and made._protocol is not None:
            await asyncio.wait([closing], timeout=_CLOSE_S)


async def refusal(settings: KafkaPart, host: str, port: int, within: float) -> BusError | None:
    """Return why `host`:`port` does not accept us within `within` seconds; None if it does."""
    try:
        async with connected(settings, host, port, within):
            return None
    except BusError as error:
        return error


async def ask_servers(settings: KafkaPart, within: float) -> tuple[str, int]:
    """Return the first server that accepts us; each is tried once.

    Raises:
        KafkaUnavailableError: none does; a KafkaLoginError if one answers.
    """
    reasons = []
    for host, port in addresses(settings.kafka):
        reason = await refusal(settings, host, port, within)
        if reason is None:
            return host, port
        reasons.append(reason)
    for reason in reasons:
        if isinstance(reason, KafkaLoginError):
            raise reason
    raise KafkaUnavailableError(settings.kafka, within, "; ".join(map(str, reasons)))


async def await_server(settings: KafkaPart, within: float = PATIENCE_S) -> tuple[str, int]:
    """Return one of the servers as soon as it accepts us.

    Raises:
        KafkaUnavailableError: none does within `within` seconds; sooner a KafkaLoginError, if one answers.
    """
    began = time.monotonic()
    until = began + within
    while True:
        try:
            return await ask_servers(settings, max(until - time.monotonic(), 0.1))
        except KafkaLoginError as error:
            if error.sure or time.monotonic() >= min(until, began + _STARTING_S):
                raise
        except KafkaUnavailableError as error:
            if time.monotonic() + _PAUSE_S >= until:
                raise KafkaUnavailableError(settings.kafka, within, error.why) from error.__cause__
        await asyncio.sleep(_PAUSE_S)
