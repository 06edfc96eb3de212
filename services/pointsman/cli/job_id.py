"""Find a job by its id, or by a unique start or end of it."""

from uuid import UUID

from pointsman.cli.formats import moment
from pointsman.runtime.errors import CommandError
from pointsman.store.ask.jobs import Jobs

#: Most candidates to list.
CANDIDATES = 10


async def find(jobs: Jobs, text: str) -> UUID:
    """Return the id of the only recorded job whose id starts or ends with `text`.

    Raises:
        CommandError: there is none (exit 1) or several, or `text` cannot be part of an id (both exit 2).
    """
    check(text)
    candidates = await jobs.find_jobs(text, CANDIDATES + 1)
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise CommandError(
            f"no job {text} in the audit database",
            "published just now, it may not be there yet: see how far behind the audit is with\n"
            "       pointsman lag\n"
            "       and that it runs (pointsman run audit) on the same Kafka and Postgres (pointsman doctor)",
        )
    states = await jobs.states(candidates[:CANDIDATES])
    listed = [
        f"       {state.job_id}  {state.state:10} {moment(state.submitted_at)}  {state.agent_id or '-'}"
        for state in states
    ]
    ellipsis = ["       ..."] if len(candidates) > CANDIDATES else []
    raise CommandError(
        f"more than one job's id begins or ends with {text}",
        "\n".join(["give more of the id:", *listed, *ellipsis]),
        code=2,
    )


async def resolve(dsn: str, text: str) -> UUID:
    """Return the id as `find` does; a complete id needs no database."""
    full_id = whole(text)
    if full_id is not None:
        return full_id
    async with Jobs.opened(dsn) as jobs:
        return await find(jobs, text)


def whole(text: str) -> UUID | None:
    """Return the id if `text` is a complete one, else None."""
    check(text)
    digits = text.replace("-", "")
    return UUID(digits) if len(digits) == 32 else None


def check(text: str) -> None:
    """Check that an id can start or end with `text`.

    Raises:
        CommandError: it cannot (exit 2).
    """
    digits = text.replace("-", "").lower()
    if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
        raise CommandError(
            f"{text!r} is not a job id, nor the beginning or end of one",
            "ids are hexadecimal digits and dashes; `pointsman tail results` shows some",
            code=2,
        )
