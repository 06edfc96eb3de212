"""Encrypted rows can be read only with the subject's key; erasing the key makes them unreadable for ever."""

import asyncio
from typing import Any

import asyncpg
import pytest

from pointsman.audit.handlers import Rows
from pointsman.bus.codec.records import Incoming
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.lanes import Move
from pointsman.store.errors import StoreError
from pointsman.store.privacy.erasing import Erased, erase, extent
from pointsman.store.privacy.opening import open_rows
from pointsman.store.privacy.sealing import MasterKey
from pointsman.store.verify.findings import Wrong
from pointsman.store.verify.verify import Scope, verify
from tests.support.bus.example_records import TOPICS
from tests.support.store.audit_store import as_auditor, as_eraser, as_opener, as_writer, audit_pool, observer
from tests.support.store.integrity import tamper
from tests.support.store.privacy import (
    EMAIL,
    IBAN,
    LANE,
    MASTER,
    NOTHING,
    PATIENT,
    SUBJECT,
    SUBJECT_HEADER,
    corners_with,
    intake,
    letter,
    privacy,
    private_sink,
    store,
    telling,
)

pytestmark = pytest.mark.stack

OTHER = "patient-4712@clinic"
BROKEN = b'{"agent_id": "clinic", "metadata": {"data_subject": "%b"}, "prompt": "Write to' % SUBJECT.encode()


def about(offset: int, subject: str = SUBJECT, **more: Any) -> Incoming:
    return telling(offset, metadata={"patient": PATIENT, "data_subject": subject}, **more)


async def keys(dsn: str) -> list[Any]:
    async with observer(dsn) as connection:
        return await connection.fetch("select * from audit.subject_key order by made_at")


async def opened(dsn: str, offset: int, master: MasterKey = MASTER) -> bytes | str | None:
    """The value of an intake row, or the reason why it cannot be decrypted."""
    async with observer(dsn) as connection:
        rows = await connection.fetch(
            'select topic, partition, "offset", value, privacy from audit.message'
            ' where topic = $1 and "offset" = $2', LANE[0], offset
        )  # fmt: skip
    async with observer(as_opener(dsn)) as connection:
        (content,) = await open_rows(connection, master, rows)
    return content if isinstance(content, str) else content.value


async def test_data_about_a_subject_is_nowhere_in_plain_text(database: str) -> None:
    records = [about(0), intake(1, BROKEN), intake(2, {"prompt": "x"}, SUBJECT_HEADER)]
    records += [letter(record, offset) for offset, record in enumerate(records)]
    async with private_sink(database, NOTHING) as sink:
        await store(sink, records)
    for secret in (PATIENT, EMAIL, IBAN, SUBJECT, "Write to"):
        assert await corners_with(database, secret) == [], secret
    async with observer(database) as connection:
        assert await connection.fetchval("select count(*) from audit.message where privacy ? 'key'") == 6
        assert await connection.fetchval("select count(distinct privacy ->> 'key') from audit.message") == 1
    assert (await verify(as_auditor(database), Scope())).findings == []


async def test_both_keys_decrypt_it(database: str) -> None:
    async with private_sink(database, NOTHING) as sink:
        await store(sink, [about(0)])
    assert await opened(database, 0) == about(0).value
    assert await opened(database, 0, MasterKey.parse("33" * 32)) == "sealed"


async def test_after_erasure_it_is_unreadable_and_the_record_verifies(database: str) -> None:
    async with private_sink(database, NOTHING) as sink:
        await store(sink, [about(0), about(1, OTHER), about(2), intake(3, {"agent_id": "a", "prompt": "x"})])
    expected = await extent(as_eraser(database), MASTER, SUBJECT)
    assert expected is not None
    assert (expected.rows, expected.days, expected.jobs) == (2, 1, 2)
    assert len(await keys(database)) == 2, "to ask changes nothing"
    assert await erase(as_eraser(database), MASTER, SUBJECT) == expected
    assert await erase(as_eraser(database), MASTER, SUBJECT) is None
    assert [await opened(database, offset) for offset in (0, 1, 2)] == [
        "erased",
        about(1, OTHER).value,
        "erased",
    ]
    report = await verify(as_auditor(database), Scope())
    assert (report.findings, report.rows, report.sealed) == ([], 4, 3)
    async with observer(as_auditor(database)) as connection:
        (kept,) = await connection.fetch("select * from audit.erasure")
    assert (kept["subject"], kept["rows"], kept["erased_by"]) == (MASTER.hash_of(SUBJECT), 2, "test_eraser")


async def test_an_erased_key_is_not_used_even_if_cached(database: str) -> None:
    async with private_sink(database, NOTHING) as sink:
        await store(sink, [about(0)])
        await erase(as_eraser(database), MASTER, SUBJECT)
        await store(sink, [about(1), about(2)], first=1)
    assert await opened(database, 0) == "erased"
    assert await opened(database, 1) == about(1).value
    assert await opened(database, 2) == about(2).value
    assert len(await keys(database)) == 1


async def test_a_restarted_process_uses_the_existing_key(database: str) -> None:
    for offset in range(2):
        async with private_sink(database, NOTHING) as sink:
            await store(sink, [about(offset)], first=offset or None)
    assert len(await keys(database)) == 1
    assert await opened(database, 1) == about(1).value


async def test_concurrent_processes_create_one_key_for_a_subject(database: str) -> None:
    """The first process keeps its transaction open after creating the key, while the second one runs."""
    async with audit_pool(database) as pool, pool.acquire() as first, private_sink(database, NOTHING) as sink:
        ours = MASTER.new_key(MASTER.hash_of(SUBJECT))
        transaction = first.transaction()
        await transaction.start()
        await first.fetch(
            "select audit.keep_subject_keys($1, $2, $3)", [ours.subject], [ours.id], [ours.wrapped]
        )
        storing = asyncio.create_task(store(sink, [about(0)]))
        async with observer(database) as connection:
            while not await connection.fetchval("select exists (select from pg_locks where not granted)"):
                assert not storing.done()
        await transaction.commit()
        await storing
    assert [key["key_id"] for key in await keys(database)] == [ours.id]
    assert await opened(database, 0) == about(0).value


async def test_erasure_waits_for_concurrent_inserts_and_counts_them(database: str) -> None:
    async with audit_pool(database) as pool, pool.acquire() as first, private_sink(database, NOTHING) as sink:
        await store(sink, [about(0)])
        transaction = first.transaction()
        await transaction.start()
        held = await first.fetch(
            "select * from audit.keep_subject_keys($1, $2, $3)",
            [MASTER.hash_of(SUBJECT)], [None], [None],
        )  # fmt: skip
        assert len(held) == 1
        erasing = asyncio.create_task(erase(as_eraser(database), MASTER, SUBJECT))
        async with observer(database) as connection:
            while not await connection.fetchval("select exists (select from pg_locks where not granted)"):
                assert not erasing.done()
        await transaction.commit()
        erased = await erasing
    assert isinstance(erased, Erased)


@pytest.mark.parametrize("change", ["value = set_byte(value, 40, 255 - get_byte(value, 40))", "value = null"])
async def test_a_changed_ciphertext_is_found(database: str, change: str) -> None:
    async with private_sink(database, NOTHING) as sink:
        await store(sink, [about(0), about(1)])
    await tamper(database, f'update audit.message set {change} where "offset" = 1')
    (finding,) = (await verify(as_auditor(database), Scope())).findings
    assert (finding.wrong, finding.offset) == (Wrong.BYTES, 1)
    assert await opened(database, 1) == "broken"


async def test_a_ciphertext_copied_to_another_row_cannot_be_decrypted(database: str) -> None:
    async with private_sink(database, NOTHING) as sink:
        await store(sink, [about(0), about(1)])
    await tamper(
        database,
        "update audit.message as one set value = other.value from audit.message as other"
        ' where one."offset" = 1 and other."offset" = 0',
    )
    assert await opened(database, 1) == "broken"


async def test_a_wrong_master_key_stores_nothing_and_says_so(database: str) -> None:
    async with private_sink(database, NOTHING) as sink:
        await store(sink, [about(0)])
    async with audit_pool(database) as pool:
        await tamper(database, "update audit.subject_key set wrapped = wrapped || 'x'")
        rows = Rows({LANE: [about(1)]}, TOPICS, privacy(NOTHING), {})
        with pytest.raises(StoreError, match="POINTSMAN_AUDIT_PRIVACY_KEY"):
            await AuditWriter(pool).append(rows, {LANE: Move(1, 2)}, sealing=rows.sealing)


REFUSED = {
    as_auditor: (
        "select * from audit.subject_key",
        "delete from audit.subject_key",
        "select * from audit.open_subject_keys(array[gen_random_uuid()])",
        "select * from audit.erase_subject('x')",
        "select * from audit.subject_extent('x')",
        "select audit.keep_subject_keys(array['x'::bytea], array[gen_random_uuid()], array['x'::bytea])",
        "delete from audit.erasure",
        "insert into audit.erasure values (gen_random_uuid(), 'x', now(), 'me', 0, 0, 0)",
    ),
    as_writer: (
        "select * from audit.subject_key",
        "insert into audit.subject_key values (gen_random_uuid(), 'x', 'x')",
        "delete from audit.subject_key",
        "select * from audit.open_subject_keys(array[gen_random_uuid()])",
        "select * from audit.erase_subject('x')",
        "select * from audit.erasure",
    ),
    as_opener: (
        "select * from audit.subject_key",
        "delete from audit.subject_key",
        "select * from audit.erase_subject('x')",
    ),
    as_eraser: (
        "select * from audit.subject_key",
        "delete from audit.subject_key",
        "select * from audit.message",
        "select * from audit.open_subject_keys(array[gen_random_uuid()])",
        "delete from audit.erasure",
    ),
}


@pytest.mark.parametrize("login", REFUSED, ids=lambda login: login.__name__)
async def test_logins_without_the_right_cannot_read_or_delete_keys(database: str, login: Any) -> None:
    async with private_sink(database, NOTHING) as sink:
        await store(sink, [about(0)])
    async with observer(login(database)) as connection:
        for statement in REFUSED[login]:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
