"""An outcome with a stored value is returned in full, also if the store is down for a while."""

import asyncio
from dataclasses import replace

import pytest

from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.client import large_outcomes
from pointsman.client.large_outcomes import LargeOutcomes
from tests.support.bus.claim_stores import Shelf, claim_check
from tests.support.bus.example_records import example


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_outcomes, "_PAUSE_S", 0)


async def deposited(shelf: Shelf) -> tuple[Incoming, Incoming]:
    """An outcome, and its abridged record on Kafka."""
    whole = example("job.completed.v1")
    sent = Outgoing(whole.topic, whole.key, whole.value, list(whole.headers))
    (short,) = await claim_check(shelf, above=1).deposit([sent])
    return whole, replace(whole, value=short.value, headers=tuple(short.headers))


async def test_clients_wait_while_the_store_is_unavailable() -> None:
    shelf, taken = Shelf(), asyncio.Queue[Incoming]()
    whole, short = await deposited(shelf)
    large = LargeOutcomes(claim_check(shelf, above=1), taken.put_nowait)
    shelf.away, before = True, shelf.asked
    assert large.fetch(short)
    while shelf.asked < before + 6:  # noqa: ASYNC110 -- the store has no event for it
        await asyncio.sleep(0)
    assert taken.empty()
    shelf.away = False
    assert (await taken.get()).value == whole.value
    await large.close()


async def test_invalid_or_unavailable_claims_are_left_to_the_reader() -> None:
    shelf = Shelf()
    whole, short = await deposited(shelf)
    assert not LargeOutcomes(claim_check(shelf), lambda _: None).fetch(whole)
    assert not LargeOutcomes(None, lambda _: None).fetch(short)


async def test_nothing_is_loaded_after_closing() -> None:
    shelf, taken = Shelf(), list[Incoming]()
    _, short = await deposited(shelf)
    shelf.mute = True
    large = LargeOutcomes(claim_check(shelf, above=1), taken.append)
    assert large.fetch(short)
    await asyncio.sleep(0)
    await large.close()
    assert taken == []
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "large outcome"]
