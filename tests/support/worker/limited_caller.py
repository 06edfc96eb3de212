"""A process that makes calls under shared limits: `python -m tests.support.worker.limited_caller ORDER`.

ORDER is an `Order` as JSON. Each call sends a line to a server of the test and reads one line. The results
are printed as JSON, one object per line.
"""

import asyncio
import json
import sys
from uuid import uuid4

from pydantic import BaseModel

from pointsman.bus.read.shared_log import SharedLog
from pointsman.bus.settings import LanePart
from pointsman.worker.limits.call_limiter import Wait
from pointsman.worker.limits.errors import NoRoomError
from pointsman.worker.limits.rate_limiter import RateLimiter
from pointsman.worker.limits.shared_limits import SharedLimits
from pointsman_schemas.control.limits import LimitDeclared
from pointsman_schemas.topics import Topics
from tests.support.worker.way_in import call_limiter


class Order(BaseModel):
    """`wants`: reserved by each call; `used`: its actual use; `late`: the call does not wait for limits."""

    kafka: str
    prefix: str
    port: int
    process: str
    declared: list[LimitDeclared]
    calls: int
    wants: dict[str, int]
    used: dict[str, int]
    patience_s: float = 60
    late: bool = False


async def work(order: Order) -> None:
    """Makes all calls at once, as far as the limits permit."""
    topic = Topics(order.prefix).limits
    agreement = SharedLimits(order.process, lambda: SharedLog(LanePart(kafka=order.kafka), topic, "test"))
    rate_limiter = RateLimiter(agreement, [] if order.late else order.declared)
    agreement.add(rate_limiter)
    limits = call_limiter(agreement, rate_limiter, order.patience_s)

    async def call() -> None:
        try:
            acquiring = limits.acquire(
                uuid4(), "openai/gpt", order.wants, Wait(), declared=lambda _: order.declared
            )
            async with acquiring as acquired:
                answer = await ask(order.port, {"process": order.process, **order.used})
                limits.report(acquired, order.used)
        except NoRoomError as error:
            answer = f"no room: {error.limit}"
        sys.stdout.write(json.dumps({"said": answer}) + "\n")
        sys.stdout.flush()

    async with agreement.running():
        await asyncio.gather(*(call() for _ in range(order.calls)))
        await agreement.written()


async def ask(port: int, line: object) -> str:
    """One call."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(json.dumps(line).encode() + b"\n")
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer.decode().strip()


if __name__ == "__main__":
    asyncio.run(work(Order.model_validate_json(sys.argv[1])))
