"""One person's data in the whole system: encrypted everywhere, erased everywhere at once."""

from pathlib import Path
from typing import Any

import pytest

from pointsman.store.privacy.erasing import erase
from pointsman.store.verify.verify import Scope, verify
from tests.conftest import Kafka
from tests.support.running.system import System
from tests.support.store.privacy import MASTER, SUBJECT, corners_with

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

ABOUT = {"metadata": {"data_subject": SUBJECT}}


async def test_every_message_about_a_person_is_erased_at_once(
    kafka: Kafka, database: str, tmp_path: Path
) -> None:
    key: dict[str, Any] = {"POINTSMAN_AUDIT_PRIVACY_KEY": "22" * 32}
    system = System(tmp_path / "system", kafka.bootstrap, database, kafka.prefix, **key)
    try:
        await system.start()
        theirs = {**system.jobs(3, **ABOUT), **system.jobs(1, **ABOUT, tier="gigantic")}
        others = system.jobs(1, prompt="Something else")
        await system.send([*theirs.values(), *others.values()])

        async def all_ended() -> bool:
            return len(await system.ended()) == len(theirs) + len(others)

        await system.until(all_ended, 60, "every outcome on record")
    finally:
        system.stop()
    for text in (SUBJECT, "What is 2 + 2"):
        assert await corners_with(database, text) == []
    assert "message.payload" in await corners_with(database, "Something else")
    erased = await erase(database, MASTER, SUBJECT)
    assert erased is not None
    assert erased.jobs == len(theirs)
    assert erased.rows == 3 * 4 + 3, "submitted, routed, called, ended; or submitted, dead, rejected"
    report = await verify(database, Scope())
    assert (report.findings, report.sealed) == ([], erased.rows)
