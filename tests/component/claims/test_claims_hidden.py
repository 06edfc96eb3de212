"""Stored values of encrypted rows are kept as long as the rows, and deleted after an erasure."""

import pytest

from pointsman.audit.private import Privacy
from pointsman.bus.codec.records import Incoming
from pointsman.claims.collect import referred
from pointsman.store.privacy.erasing import erase
from pointsman.store.verify.verify import Scope, verify
from pointsman_schemas.claims import DATAREF
from tests.support.bus.claim_stores import digest
from tests.support.store.audit_store import as_auditor, as_eraser
from tests.support.store.privacy import MASTER, SUBJECT, intake, letter, private_sink, protected, store
from tests.support.text.parsed import parse_privacy

pytestmark = pytest.mark.stack

SEALS = parse_privacy(f"subjects: [{{agent: '*', subject: {SUBJECT}}}]")
MASKS = parse_privacy('patterns: {hex: "[0-9a-f]{16,}"}\nmasks: [{name: hex, patterns: [hex]}]')


def naming(offset: int) -> tuple[Incoming, str]:
    """A record that refers to a stored value, and the value's digest."""
    sha256 = digest(b"%d" % offset)
    reference = (DATAREF, f"file:///claims/{sha256[:2]}/{sha256}".encode())
    return intake(offset, {"agent_id": "clinic", "prompt": "x"}, reference), sha256


async def test_the_value_of_an_encrypted_row_is_kept_until_erasure(database: str) -> None:
    (first, named), (second, buried) = naming(0), naming(1)
    async with private_sink(database, SEALS) as sink:
        await store(sink, [first, letter(second, 0)])
    auditor, unknown = as_auditor(database), digest(b"unknown")
    assert await referred(auditor, [named, buried, unknown]) == {named, buried}
    report = await verify(auditor, Scope())
    assert (report.findings, report.sealed) == ([], 2)
    assert await erase(as_eraser(database), MASTER, SUBJECT)
    assert await referred(auditor, [named, buried, unknown]) == set()


async def test_the_value_of_a_masked_row_is_kept(database: str) -> None:
    record, named = naming(0)
    assert named not in protected(record, MASKS).headers
    async with private_sink(database, MASKS) as sink:
        await store(sink, [record])
    assert await referred(as_auditor(database), [named]) == {named}


async def test_the_value_of_a_row_without_content_is_kept(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Privacy, "_masked", broken)
    record, named = naming(0)
    async with private_sink(database, MASKS) as sink:
        await store(sink, [record])
    assert await referred(as_auditor(database), [named]) == {named}
