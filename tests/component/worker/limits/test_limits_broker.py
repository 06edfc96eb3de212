"""The shared limits survive a broker restart: waiting calls continue, and usage is kept."""

import asyncio
from pathlib import Path

import pytest

from pointsman.dev.servers.stack import Stack
from pointsman_schemas.control.limits import LimitDeclared
from tests.conftest import Kafka
from tests.support.worker.sharing import processes, until

pytestmark = [pytest.mark.stack, pytest.mark.slow]

DAY = LimitDeclared(process="t", budget="rate", limit=3, window_s=None)


async def test_the_state_survives_a_lost_connection(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    await asyncio.to_thread(stack.kafka.start)
    try:
        kafka = Kafka(stack.kafka.bootstrap, "t")
        async with processes(kafka, "one", "other", declared=[DAY]) as (one, other):
            await one.turn()
            stack.kafka.kill()
            waiting = [asyncio.create_task(process.turn(patience_s=120)) for process in (one, other)]
            await asyncio.to_thread(stack.kafka.start)
            await asyncio.gather(*waiting)
            assert one.all.ledger.budgets["rate"].used == 3
            late = asyncio.create_task(other.turn(patience_s=120))
            await until(lambda: one.all.ledger.waiting)
            late.cancel()
    finally:
        await asyncio.to_thread(stack.stop)
