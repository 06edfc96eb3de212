"""The audit service ends if its checkpoints fail, and does not go on unsigned."""

import asyncio
from typing import Any

import pytest

from pointsman.audit.app import Audit
from pointsman.audit.settings import AuditSettings
from pointsman.runtime.clock import utc_now


class Reading:
    """A reader that reads until it is cancelled."""

    async def run(self) -> None:
        await asyncio.Event().wait()


class Failing:
    """Checkpoints that cannot be signed."""

    async def run(self) -> None:
        raise ValueError("a defect")


async def test_it_ends_with_the_error_of_its_checkpoints() -> None:
    audit: Any = Audit(AuditSettings(), utc_now, None)
    audit._reader, audit._checkpointer = Reading(), Failing()
    async with asyncio.timeout(10):
        with pytest.raises(ExceptionGroup) as failed:
            await audit.run()
    assert [str(error) for error in failed.value.exceptions] == ["a defect"]
