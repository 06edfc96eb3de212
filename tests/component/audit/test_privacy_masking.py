"""Masked values are nowhere in the database, and the record still verifies."""

from dataclasses import replace

import pytest

from pointsman.audit.records.rows import row_of
from pointsman.store.verify.findings import Wrong
from pointsman.store.verify.verify import Scope, verify
from tests.support.bus.bad_records import BAD
from tests.support.bus.example_records import TOPICS
from tests.support.store.audit_store import as_auditor, observer
from tests.support.store.integrity import tamper
from tests.support.store.privacy import (
    EMAIL,
    IBAN,
    MASTER,
    NOTHING,
    PATIENT,
    SECRETS,
    corners_with,
    intake,
    letter,
    private_sink,
    store,
    telling,
)

pytestmark = pytest.mark.stack

#: Intake records with secrets in unexpected places.
SLY = [
    telling(0),
    telling(1, user=EMAIL, order_key=IBAN),
    intake(
        2, {"agent_id": "clinic", "prompt": "x"}, ("x-said", EMAIL.encode()), (EMAIL, b"x"), key=IBAN.encode()
    ),
    intake(3, b'{"agent_id": "clinic", "prompt": "broken, write to %b' % EMAIL.encode()),
    intake(4, b'{"metadata": {"patient": "%b"}, "metadata": {}}' % PATIENT.encode()),
    intake(5, b'{"prompt": "w.zzyzx\\\\u0040example.org", "agent_id": "clinic"}'),
    intake(6, b'{"prompt": "w.zzyzx\\u0040example.org", "agent_id": "clinic"'),
    intake(7, {"agent_id": EMAIL, "prompt": "x", EMAIL: {EMAIL: [EMAIL]}}),
    intake(8, {"agent_id": "clinic", "tier": IBAN, "kind": PATIENT, "metadata": {"patient": PATIENT}}),
    intake(9, b"\xff\xfe" + EMAIL.encode() + b"\xff"),
    intake(10, {"agent_id": "clinic", "messages": [{"role": "user", "content": f"x\n{IBAN}\nSEPA"}]}),
    intake(11, {"type": EMAIL, "agent_id": "clinic", "prompt": "x"}),
]


async def test_no_secret_is_anywhere_in_the_database(database: str) -> None:
    letters = [letter(record, offset) for offset, record in enumerate(SLY)]
    async with private_sink(database) as sink:
        await store(sink, [*SLY, *letters])
    assert [
        (secret, corners) for secret in SECRETS if (corners := await corners_with(database, secret))
    ] == []
    async with observer(database) as connection:
        kept = await connection.fetchval("select count(*) from audit.message where privacy is null")
        assert kept == 0
        assert (
            await connection.fetchval("select payload #>> '{metadata,ward}' from audit.message limit 1")
            == "7"
        )


async def test_the_search_finds_unmasked_values(database: str) -> None:
    async with private_sink(database, NOTHING) as sink:
        await store(sink, [telling(0)])
    assert set(await corners_with(database, EMAIL)) == {"message.value", "message.payload"}


async def test_arbitrary_records_are_stored_beside_masked_ones(database: str) -> None:
    records = [replace(telling(0), value=bad.value, key=bad.key, headers=bad.headers) for bad in BAD]
    records = [replace(record, offset=offset) for offset, record in enumerate(records)]
    async with private_sink(database) as sink:
        await store(sink, records)
    report = await verify(as_auditor(database), Scope())
    assert (report.findings, report.rows) == ([], len(BAD))


async def mixed(dsn: str) -> None:
    """Three rows; the second is masked."""
    plain = {"agent_id": "clinic", "prompt": "Name three primes."}
    async with private_sink(dsn) as sink:
        await store(sink, [intake(0, plain), telling(1), intake(2, plain)])


async def test_masked_rows_verify_and_are_counted(database: str) -> None:
    await mixed(database)
    report = await verify(as_auditor(database), Scope())
    assert (report.findings, report.rows, report.masked, report.sealed) == ([], 3, 1, 0)


@pytest.mark.parametrize(
    ("change", "offset"),
    [
        ("privacy = null", 1),
        ("privacy = '{}'", 1),
        ("privacy = '[]'", 1),
        ("privacy = jsonb_set(privacy, '{rules}', '[\"another\"]')", 1),
        ("privacy = privacy || '{\"more\": 1}'", 1),
        ("value = replace(convert_from(value, 'UTF8'), 'ward', 'bed')::bytea", 1),
        ("headers = '[[\"more\", \"x\"]]'", 1),
        # The database owner changes an unmasked row and marks it as masked.
        ("value = '{}', payload = '{}', privacy = jsonb_build_object('v', 1, 'rules', '[\"contact\"]'::jsonb,"
         " 'stored', $DIGEST$)", 0),
    ],
)  # fmt: skip
async def test_a_changed_claim_of_masking_is_found(database: str, change: str, offset: int) -> None:
    await mixed(database)
    forged = row_of(intake(0, {}), TOPICS)
    digest = f"'{forged.record_sha256.hex()}'"
    await tamper(
        database, f'update audit.message set {change.replace("$DIGEST$", digest)} where "offset" = {offset}'
    )
    (finding,) = (await verify(as_auditor(database), Scope())).findings
    assert finding.offset == offset
    assert finding.wrong in {Wrong.BYTES, Wrong.LINK}


async def test_masked_values_cannot_be_guessed_without_the_key(database: str) -> None:
    """A reader of the database cannot check guesses of a masked value without the key."""
    await mixed(database)
    guessed = row_of(telling(1), TOPICS).record_sha256
    async with observer(database) as connection:
        stored = await connection.fetchval('select record_sha256 from audit.message where "offset" = 1')
    assert stored != guessed
    assert stored == MASTER.digest(guessed)
