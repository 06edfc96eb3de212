"""Files and batches in memory."""

from pointsman.bus.settings import LanePart
from pointsman.gateway.batches.board import BatchBoard, BatchMessage
from pointsman.runtime.clock import utc_now
from pointsman_schemas.topics import Topics


class FakeBoard(BatchBoard):
    """Stores what is written; reads nothing from Kafka."""

    def __init__(self) -> None:
        super().__init__(LanePart(prefix="t"), Topics("t"), None, utc_now)  # type: ignore[arg-type]

    async def caught_up(self) -> None:
        pass

    async def write(self, *messages: BatchMessage) -> None:
        for message in messages:
            self.fold(message)


class FakeStore:
    """Values under their digests."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    async def get(self, sha256: str) -> bytes | None:
        return self.values.get(sha256)

    async def put(self, sha256: str, content: bytes) -> None:
        self.values[sha256] = content
