"""A copy outside the database shows that the newest checkpoint was deleted and its rows were rewritten."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from pointsman.audit import checkpointer as checkpointer_module
from pointsman.audit.checkpointer import Checkpointer
from pointsman.audit.heads import FolderHeads
from pointsman.audit.settings import AuditSettings
from pointsman.bus.produce.publisher import Publisher
from pointsman.store.append.audit_writer import AuditWriter
from tests.conftest import Kafka
from tests.support.running.command import Command
from tests.support.store.audit_store import as_auditor, audit_pool, put, rows
from tests.support.store.integrity import KEY, rechain, tamper

pytestmark = pytest.mark.stack


async def test_the_copy_outside_detects_it(
    database: str, kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "heads"
    monkeypatch.setattr(checkpointer_module, "Publisher", partial(Publisher, patience=0.5))
    settings = AuditSettings(kafka="127.0.0.1:1", prefix=kafka.prefix)
    async with audit_pool(database) as pool:
        writer = AuditWriter(pool)
        checkpointer = Checkpointer(
            writer, pool, KEY, settings, lambda: datetime.now(UTC), heads=FolderHeads(folder)
        )
        for first in (0, 4):
            await put(writer, rows(first, first + 4))
            await checkpointer.make()  # works while Kafka is down
    environment = {
        "POINTSMAN_POSTGRES": as_auditor(database),
        "POINTSMAN_AUDIT_PUBLIC_KEY": KEY.public.text,
        "POINTSMAN_AUDIT_HEADS": folder.as_uri(),
    }
    pointsman = Command(tmp_path, environment)
    whole = await pointsman.run("audit", "verify")
    assert whole.code == 0, whole.out
    await tamper(database, "delete from audit.checkpoint where number = 2")
    await rechain(database, lambda row: row._replace(agent_id="x") if row.offset == 6 else row, ("t", 0))
    unaware = Command(tmp_path, {**environment, "POINTSMAN_AUDIT_HEADS": ""})
    assert (await unaware.run("audit", "verify")).code == 0, "by itself the database shows nothing"
    findings = (await pointsman.run("audit", "verify", "--json")).json["report"]["findings"]
    assert {finding["wrong"] for finding in findings} == {"checkpoint", "rewritten"}
