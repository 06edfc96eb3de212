"""Fetch large values for display, from the store that POINTSMAN_CLAIMS names."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from pointsman.claims.opened import closed_after, open_claim_check
from pointsman.claims.settings import ClaimsPart
from pointsman.claims.whole_messages import WholeMessages
from pointsman.cli.settings import load
from pointsman.store.ask.answers import Ended, Step


@asynccontextmanager
async def on_record() -> AsyncIterator[WholeMessages]:
    """Open the store during the block, to complete recorded messages."""
    claim_check = open_claim_check(load(ClaimsPart))
    async with closed_after(claim_check):
        yield WholeMessages(claim_check)


async def whole_steps(steps: Sequence[Step], record: WholeMessages) -> list[Step]:
    """Return the steps with complete payloads. If a value is lost, `unreadable` says why."""
    return [await _whole_step(step, record) for step in steps]


async def whole_ended(ended: Ended | None, record: WholeMessages) -> Ended | None:
    """Return the outcome with its complete payload. If that is lost, `message` says why."""
    if ended is None:
        return None
    payload, lost = await record.whole(ended.kind, ended.payload)
    return replace(ended, payload=payload, message=lost or ended.message)


async def _whole_step(step: Step, record: WholeMessages) -> Step:
    payload, lost = await record.whole(step.kind, step.payload)
    return step if payload is step.payload else replace(step, payload=payload, unreadable=lost)
