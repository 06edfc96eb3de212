"""A transaction counts as committed only after the broker has confirmed it."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import (
    DuplicateSequenceNumber,
    IllegalGenerationError,
    KafkaError,
    NoError,
    kafka_errors,
)

from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.batches import Batches
from pointsman.bus.produce.transactions import Transactions, _error
from pointsman.bus.protocol.transaction_requests import Membership, Offset, Packed, Producer
from pointsman.bus.settings import LanePart

PLACE, LANE = ("t", 0), ("in", 0)
PRODUCE, END, COMMIT_OFFSETS = 0, 26, 28


def test_only_success_or_a_recognised_repeat_counts_as_written() -> None:
    codes = {*kafka_errors, 87, 999}
    assert {code for code in codes if _error(code) is None} == {NoError.errno, DuplicateSequenceNumber.errno}


class Client:
    """A broker that answers with these codes in turn, repeating the last."""

    def __init__(self, *codes: int) -> None:
        self._codes = list(codes)
        self.asked = 0
        self.cluster = self

    def leader_for_partition(self, tp: object) -> int:
        return 1

    async def force_metadata_update(self) -> None: ...

    async def send(self, node: int, request: object) -> dict[Any, int]:
        self.asked += 1
        return {PLACE: self._codes.pop(0) if len(self._codes) > 1 else self._codes[0]}


async def produced(client: Client) -> Batches:
    any_client: Any = client
    settings = LanePart(request_timeout_ms=1_000)
    batches = Batches([Outgoing("t", None, b"x", [])], 1, 1)
    await Transactions(any_client, settings, "g")._produce({PLACE: batches})
    return batches


#: A retry that timed out, leaders that moved, sequence numbers that do not follow, an epoch that is over, ...
@pytest.mark.parametrize("code", [-1, 2, 5, 6, 7, 19, 45, 47, 48, 51, 59, 999])
async def test_an_unknown_result_never_counts_as_written(code: int) -> None:
    with pytest.raises(KafkaError):
        await produced(Client(code))


async def test_the_same_batch_is_sent_again_until_the_broker_knows_it() -> None:
    client = Client(7, 7, DuplicateSequenceNumber.errno)
    batches = await produced(client)
    assert (client.asked, batches.batch, batches.refused) == (3, None, [])


class Cluster:
    """Broker 1 leads all partitions; `coordinator` has the group. Answers once `go` is set. `asked`: APIs."""

    def __init__(self, coordinator: int, offsets_code: int = 0) -> None:
        self._coordinator = coordinator
        self._answers = {
            PRODUCE: {PLACE: 0},
            COMMIT_OFFSETS: {LANE: offsets_code},
            END: (0, Producer(1, 2)),
        }
        self.cluster = self
        self.go = asyncio.Event()
        self.go.set()
        self.asked: list[int] = []

    def leader_for_partition(self, tp: object) -> int:
        return 1

    async def coordinator_lookup(self, kind: int, key: str) -> int:
        return self._coordinator

    async def send(self, node: int, request: Packed) -> object:
        self.asked.append(request.API_KEY)
        await self.go.wait()
        return self._answers[request.API_KEY]


async def written(transactions: Transactions) -> None:
    record = Outgoing("t", None, b"x", [])
    await transactions.write({Membership("g", "m", 1): [Offset(LANE, 1, "")]}, {PLACE: [record]})


@pytest.mark.parametrize(("coordinator", "at_once"), [(1, [PRODUCE, COMMIT_OFFSETS]), (2, [PRODUCE])])
async def test_records_and_positions_are_sent_concurrently_to_one_broker(
    coordinator: int, at_once: list[int]
) -> None:
    """With two brokers, the transaction coordinator would refuse the second request."""
    client: Any = Cluster(coordinator)
    transactions = Transactions(client, LanePart(), "g")
    await written(transactions)  # by now it is known who has the group
    client.asked.clear()
    client.go.clear()
    writing = asyncio.create_task(written(transactions))
    async with asyncio.timeout(20):
        while not client.asked:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    for _ in range(20):
        await asyncio.sleep(0)
    assert sorted(client.asked) == at_once
    client.go.set()
    await writing
    assert (sorted(client.asked[:2]), client.asked[2:]) == ([PRODUCE, COMMIT_OFFSETS], [END])


@pytest.mark.parametrize("coordinator", [1, 2])
async def test_a_refused_position_prevents_the_commit(coordinator: int) -> None:
    client: Any = Cluster(coordinator, IllegalGenerationError.errno)
    transactions = Transactions(client, LanePart(), "g")
    transactions._coordinators["g"] = coordinator
    with pytest.raises(IllegalGenerationError):
        await written(transactions)
    assert END not in client.asked
