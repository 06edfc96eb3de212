"""Shows recorded jobs while they are replayed, and sums up."""

from contextlib import aclosing

from pointsman.claims.opened import closed_after, open_claim_check
from pointsman.claims.settings import ClaimsPart
from pointsman.cli import screen
from pointsman.cli.settings import CliSettings, load
from pointsman.client.replaying import JobReplay, Replayed
from pointsman.identity.keys import PrivateKey
from pointsman.store.ask.replayable import Wanted


async def replay_jobs(
    settings: CliSettings,
    wanted: Wanted,
    *,
    dead: bool,
    number: int | None,
    rate: float,
    send: bool,
    as_json: bool,
    key: PrivateKey | None,
) -> None:
    """Work through all that is wanted; what cannot be read as a job is named and left out.

    Raises:
        StoreError, BusError, ClaimsUnavailableError: it broke off; what was printed was sent.
    """
    replayed = unreadable = 0
    claim_check = open_claim_check(load(ClaimsPart))
    replay = JobReplay(settings, settings.postgres, settings.master_key, claim_check, dead, rate, send, key)
    async with closed_after(claim_check), aclosing(replay.run(wanted)) as jobs:
        async for job in jobs:
            _show(job, as_json=as_json)
            replayed += job.unreadable is None
            unreadable += job.unreadable is not None
            if replayed == number:
                break
    left = f"; {unreadable:,} cannot be read as a job" if unreadable else ""
    if send:
        screen.note(f"{replayed:,} jobs replayed{left}")
    elif replayed:
        screen.note(f"{replayed:,} jobs would be replayed{left}; do it: add --send")
    else:
        screen.note(f"nothing to send{left}")


def _show(job: Replayed, *, as_json: bool) -> None:
    sent = job.sent
    place = "{}/{}@{}".format(*sent.place)
    if as_json:
        screen.print_json(
            {
                "replay_of": sent.job_id, "at": sent.at, "place": place, "outcome": sent.outcome,
                "reason": sent.reason, "job_id": job.job_id, "unreadable": job.unreadable,
            },
            stream=True,
        )  # fmt: skip
        return
    became = " ".join(part for part in (sent.outcome or "open", sent.reason) if part)
    then = f"left out: {job.unreadable}" if job.unreadable else f"-> {job.job_id}" if job.job_id else ""
    screen.line(f"{sent.at:%Y-%m-%d %H:%M:%S}  {sent.job_id or place}  {became}  {then}".rstrip())
