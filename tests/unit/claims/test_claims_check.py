"""The claim check: storing, loading, and error messages."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.bus.codec.claimed import see_whole
from pointsman.bus.codec.records import Fetched, Incoming, Outgoing
from pointsman.bus.codec.refused import RefusedError
from pointsman.claims.claim_check import ClaimCheck
from pointsman.claims.store import ClaimsUnavailableError
from pointsman_schemas.claims import DATAREF
from pointsman_schemas.reasons import Reason
from tests.support.bus.claim_stores import TINY, Shelf, as_read, claim_check, digest
from tests.support.worker.routed_jobs import routed


def large(number: int = 1, size: int = 5_000) -> Outgoing:
    record = routed(number, messages=[{"role": "user", "content": "x" * size}])
    return Outgoing(record.topic, record.key, record.value, list(record.headers))


async def handed_in(shelf: Shelf, record: Outgoing) -> Incoming:
    (sent,) = await claim_check(shelf).deposit([record])
    return as_read(sent)


async def fetched(shelf: Shelf, record: Incoming, **limits: int) -> Fetched:
    (read,) = await claim_check(shelf, **limits).fetch([record])
    assert isinstance(read, Fetched)
    return read


async def test_only_large_values_are_stored() -> None:
    shelf, small, big = Shelf(), large(1, 10), large(2)
    kept, sent = await claim_check(shelf).deposit([small, big])
    assert kept is small
    assert sent.value is not None
    assert len(sent.value) < TINY
    assert list(shelf.values.values()) == [big.value]


@given(st.binary(max_size=TINY), st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=20)), max_size=4))
async def test_small_records_are_left_as_they_are(value: bytes, headers: list[tuple[str, bytes]]) -> None:
    shelf = Shelf()
    records = [Outgoing("t", b"k", value, headers), Outgoing("t", None, None, headers)]
    made = await claim_check(shelf).deposit(records)
    assert all(after is before for after, before in zip(made, records, strict=True))
    assert shelf.asked == 0


async def test_a_large_value_of_no_message_of_ours_is_left_as_it_is() -> None:
    letter = Outgoing("t", None, b"x" * 5_000, [("ce_type", b"pointsman.job.dead.v1")])
    assert await claim_check(Shelf()).deposit([letter]) == [letter]


async def test_values_about_a_person_stay_in_the_record() -> None:
    shelf, about = Shelf(), large()
    about.headers.append(("ce_datasubject", b"customer-4711"))
    assert await claim_check(shelf).deposit([about]) == [about]
    assert shelf.values == {}


async def test_a_missing_value_is_reported_as_lost() -> None:
    shelf = Shelf()
    record = await handed_in(shelf, large())
    shelf.values.clear()
    read = await fetched(shelf, record)
    assert "is not in memory://shelf: it was deleted, or never put there" in (read.lost or "")
    assert read.on_kafka == record.value
    with pytest.raises(RefusedError) as refused:
        see_whole(read)
    assert refused.value.reason is Reason.MISSING_FIELD


@pytest.mark.parametrize("change", [lambda value: value[:-1] + b" ", lambda value: value[:-1], lambda _: b""])
async def test_a_wrong_value_is_reported_as_lost(change: Any) -> None:
    shelf = Shelf()
    record = await handed_in(shelf, large())
    shelf.values = {sha256: change(value) for sha256, value in shelf.values.items()}
    assert "was changed in memory://shelf" in ((await fetched(shelf, record)).lost or "")


async def test_an_oversized_value_is_not_loaded() -> None:
    shelf = Shelf()
    record = await handed_in(shelf, large())
    shelf.asked = 0
    read = await fetched(shelf, record, largest=4_000)
    assert shelf.asked == 0
    with pytest.raises(RefusedError, match="at most 4,000") as refused:
        see_whole(read)
    assert refused.value.reason is Reason.TOO_LARGE


async def test_an_unavailable_store_does_not_mean_lost_values() -> None:
    shelf = Shelf()
    record = await handed_in(shelf, large())
    shelf.away = True
    with pytest.raises(ClaimsUnavailableError, match="it is away"):
        await claim_check(shelf).fetch([record])
    with pytest.raises(ClaimsUnavailableError, match="it is away"):
        await claim_check(shelf).deposit([large()])


async def test_a_store_that_never_answers_counts_as_unavailable() -> None:
    shelf = Shelf()
    shelf.mute = True
    check = ClaimCheck(shelf, above=TINY, largest=10_000_000, timeout_s=0.01)
    with pytest.raises(ClaimsUnavailableError, match=r"did not answer within 0\.01 s"):
        await check.deposit([large()])


async def test_a_batch_is_limited_by_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    small = as_read(large(9, 10))
    records = [small, *[await handed_in(shelf, large(number)) for number in range(4)], small]
    size = len(large().value or b"")
    monkeypatch.setattr("pointsman.claims.claim_check._BATCH_BYTES", 2 * size + 100)
    taken = await claim_check(shelf).fetch(records)
    assert [len(record.value or b"") > TINY for record in taken] == [False, True, True]
    monkeypatch.setattr("pointsman.claims.claim_check._BATCH_BYTES", 1)
    assert len(await claim_check(shelf).fetch(records[1:])) == 1  # alone, it is taken all the same


async def test_the_reference_names_where_it_was_put() -> None:
    shelf, big = Shelf(), large()
    record = await handed_in(shelf, big)
    assert dict(record.headers)[DATAREF].decode() == f"memory://shelf/{digest(big.value or b'')}"
