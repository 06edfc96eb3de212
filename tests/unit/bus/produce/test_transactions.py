"""What a lane's transaction takes for written: nothing but a broker's plain word."""

from typing import Any

import pytest
from aiokafka.errors import DuplicateSequenceNumber, KafkaError, NoError, kafka_errors

from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.batches import Batches
from pointsman.bus.produce.transactions import Transactions, _error
from pointsman.bus.settings import LanePart

PLACE = ("t", 0)


def test_only_a_success_or_a_repeat_that_was_recognised_is_one() -> None:
    codes = {*kafka_errors, 87, 999}
    assert {code for code in codes if _error(code) is None} == {NoError.errno, DuplicateSequenceNumber.errno}


class Client:
    """A broker that answers with these codes, one after another; the last one for ever."""

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
async def test_a_try_whose_end_is_not_known_is_never_taken_for_written(code: int) -> None:
    with pytest.raises(KafkaError):
        await produced(Client(code))


async def test_the_same_batch_is_sent_again_until_the_broker_knows_it() -> None:
    client = Client(7, 7, DuplicateSequenceNumber.errno)
    batches = await produced(client)
    assert (client.asked, batches.batch, batches.refused) == (3, None, [])
