"""One user's connection to the broker, reconnected when the login expires."""

import asyncio
from dataclasses import replace
from types import TracebackType
from typing import Self

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError

from pointsman.bus import connection
from pointsman.bus.protocol.transaction_requests import Packed, ResponseReader
from pointsman.bus.protocol.wire import WireReader
from pointsman.bus.tcp_check import addresses
from pointsman.runtime.settings import KafkaPart

#: Authorization errors: topic, group, cluster, transactional id.
REFUSED = {29, 30, 31, 53}
#: Retriable errors: coordinator loading, not available or moved; leader not known yet.
_LATER = {5, 14, 15, 16, 41}
_WITHIN_S = 60.0
#: The raw answer is decoded here, as an undecodable one would end the client's reader.
_UNREAD = ResponseReader(lambda answer: answer)


class Session:
    """Sends requests as one user: an async context manager."""

    def __init__(self, settings: KafkaPart) -> None:
        self._settings = settings
        self._connection: AIOKafkaConnection | None = None

    async def __aenter__(self) -> Self:
        await self._connected()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def code(self, request: Packed) -> int:
        """The error code of the answer; 0 for none."""
        for _ in range(200):
            try:
                answer: WireReader = await (await self._connected()).send(
                    replace(request, RESPONSE_TYPE=_UNREAD)
                )
            except KafkaConnectionError:
                await self._close()
                continue
            code: int = request.RESPONSE_TYPE.read(answer)
            if code not in _LATER:
                return code
            await asyncio.sleep(0.1)
        raise AssertionError(f"no answer to request {request.API_KEY}")

    async def _connected(self) -> AIOKafkaConnection:
        if self._connection is None or not self._connection.connected():
            ((host, port),) = addresses(self._settings.kafka)
            self._connection = connection.connection(self._settings, host, port, _WITHIN_S)
            await self._connection.connect()
        return self._connection

    async def _close(self) -> None:
        made, self._connection = self._connection, None
        if made is not None and (closing := made.close()) is not None:
            await asyncio.wait([closing], timeout=1)
