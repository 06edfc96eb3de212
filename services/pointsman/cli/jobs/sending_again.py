"""Finds jobs on record, shows them, and sends them once more at a steady rate."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.records import Incoming
from pointsman.bus.produce.publisher import Publisher
from pointsman.claims.opened import closed_after, open_claim_check
from pointsman.claims.settings import ClaimsPart
from pointsman.cli import screen
from pointsman.cli.settings import CliSettings, load
from pointsman.cli.since import since as moment
from pointsman.client.again import again, as_found, read_again
from pointsman.runtime.clock import utc_now
from pointsman.store.ask import replayable
from pointsman.store.ask.replayable import Sent, Wanted


@dataclass(frozen=True)
class Replay:
    """Where to and how; `send` False only shows."""

    settings: CliSettings
    dead: bool
    number: int | None
    rate: float
    send: bool
    as_json: bool

    async def run(self, since: str, until: str | None, **fields: str | None) -> None:
        """Work through all that is wanted; what cannot be read as a job is named and left out.

        Raises:
            StoreError, BusError, ClaimsUnavailableError: it broke off; what was printed was sent.
        """
        now = datetime.now(UTC)
        wanted = Wanted(moment(since, now), moment(until, now) if until else now, **fields)
        done = unreadable = 0
        async with AsyncExitStack() as stack:
            claim_check = open_claim_check(load(ClaimsPart))
            await stack.enter_async_context(closed_after(claim_check))
            publisher = await stack.enter_async_context(Publisher(self.settings)) if self.send else None
            async for sent in self._found(wanted):
                if sent.hidden is not None:
                    unreadable += 1
                    self._show(sent, None, sent.hidden)
                    continue
                record = Incoming(
                    *sent.place, int(sent.at.timestamp() * 1000), None, sent.value, sent.headers
                )
                if self.dead:
                    record = as_found(record)
                if claim_check is not None:
                    (record,) = await claim_check.fetch([record])
                job = read_again(record)
                if isinstance(job, Malformed):
                    unreadable += 1
                    self._show(sent, None, job.message)
                    continue
                made, outgoing = again(job, sent.message_id, self.settings.topics, utc_now())
                if publisher is not None:
                    records = [outgoing]
                    if claim_check is not None:
                        records = await claim_check.deposit(records)
                    await publisher.publish(records)
                    await asyncio.sleep(1 / self.rate)
                done += 1
                self._show(sent, str(made.job_id) if self.send else None, None)
                if done == self.number:
                    break
        self._sum_up(done, unreadable)

    async def _found(self, wanted: Wanted) -> AsyncGenerator[Sent, None]:
        ask = replayable.dead if self.dead else replayable.submitted
        async with aclosing(ask(self.settings.postgres, wanted, self.settings.master_key)) as found:
            async for sent in found:
                yield sent

    def _show(self, sent: Sent, new_id: str | None, unreadable: str | None) -> None:
        place = "{}/{}@{}".format(*sent.place)
        if self.as_json:
            screen.print_json(
                {
                    "replay_of": sent.job_id, "at": sent.at, "place": place, "outcome": sent.outcome,
                    "reason": sent.reason, "job_id": new_id, "unreadable": unreadable,
                },
                stream=True,
            )  # fmt: skip
            return
        became = " ".join(part for part in (sent.outcome or "open", sent.reason) if part)
        then = f"left out: {unreadable}" if unreadable else f"-> {new_id}" if new_id else ""
        screen.line(f"{sent.at:%Y-%m-%d %H:%M:%S}  {sent.job_id or place}  {became}  {then}".rstrip())

    def _sum_up(self, done: int, unreadable: int) -> None:
        left = f"; {unreadable:,} cannot be read as a job" if unreadable else ""
        if self.send:
            screen.note(f"{done:,} jobs sent once more{left}")
        elif done:
            screen.note(f"{done:,} jobs would be sent once more{left}; do it: add --send")
        else:
            screen.note(f"nothing to send{left}")
