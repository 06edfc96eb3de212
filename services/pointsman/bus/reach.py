"""Whether anything listens where the brokers should be, and if not, why: plain TCP, before any client."""

import asyncio
import contextlib
import time

from pointsman.bus.errors import KafkaUnavailableError
from pointsman.runtime.settings import KafkaPart

#: How long a service or a command waits for Kafka before it says that there is none, seconds.
PATIENCE_S = 10.0
_PAUSE_S = 0.2


def addresses(bootstrap: str) -> list[tuple[str, int]]:
    """Host and port of each server in `bootstrap` (comma separated, port 9092 when left out).

    Raises:
        ValueError: not an address; the text says which part.
    """
    found = []
    for part in bootstrap.split(","):
        server = part.strip()
        host, separator, port = server.rpartition(":")
        if not separator or server.endswith("]"):
            host, port = server, "9092"
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"{part!r} is no address of a Kafka server, must be HOST:PORT")
        found.append((host.strip("[]"), int(port)))
    return found


async def refusal(host: str, port: int, within: float) -> str | None:
    """Why no connection to `host`:`port` can be made, None when it can. `within` is in seconds."""
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return f"{host}:{port} did not answer within {within:g} s (a firewall, or the wrong address)"
    except ConnectionRefusedError:
        return f"nothing listens on {host}:{port}"
    except OSError as error:
        return f"{host}:{port}: {error.strerror or error}"
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return None


async def reach(settings: KafkaPart, within: float = PATIENCE_S) -> None:
    """Return as soon as one of the servers takes a connection.

    Raises:
        KafkaUnavailableError: none does within `within` seconds.
    """
    until = time.monotonic() + within
    while True:
        reasons = []
        for host, port in addresses(settings.kafka):
            left = max(until - time.monotonic(), 0.1)
            reason = await refusal(host, port, left)
            if reason is None:
                return
            reasons.append(reason)
        if time.monotonic() + _PAUSE_S >= until:
            raise KafkaUnavailableError(settings.kafka, within, "; ".join(reasons))
        await asyncio.sleep(_PAUSE_S)
