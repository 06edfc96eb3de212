"""What the commands on one case share: find it, act on it, print the answer."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import typer

from pointsman.cli.judge import judge
from pointsman.cli.key_file import read_key
from pointsman.cli.settings import CliSettings
from pointsman.client.reviews import KnownCase, KnownCases, Reviewer, read_cases, refusal
from pointsman.review.case import not_waiting
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen
from pointsman_schemas.reviews import ReviewAnswered, ReviewChanged, ReviewRefusal

#: An action of a reviewer on a case.
Act = Callable[[Reviewer, KnownCase], Awaitable[ReviewAnswered]]

#: Hints for the command line, by refusal.
_HINTS = {
    ReviewRefusal.REASON_MISSING: ": --reason TEXT",
    ReviewRefusal.SIGNATURE: ": --key FILE",
    ReviewRefusal.STALE_REVISION: ": pointsman review show {job}",
    ReviewRefusal.OTHER_CONTENT: ": pointsman review show {job}",
}


async def act(settings: CliSettings, job: str, do: Act, *, by: str, key: Path | None, as_json: bool) -> None:
    """Apply `do` to the case of `job`, print the answer, and exit 1 if it is a refusal.

    Raises:
        CommandError: there is no such case, or no answer in time.
        BusError: Kafka is unavailable.
    """
    reviewer_id, signing_key = judge(by), read_key(key)
    known = find(await read_cases(settings, settings.topics), job)
    answer = refused_late(known.case, reviewer_id)
    if answer is None:
        async with Reviewer(settings, settings.topics, reviewer_id, signing_key) as reviewer:
            answer = await do(reviewer, known)
    tell(answer, as_json=as_json)


def tell(answer: ReviewAnswered, *, as_json: bool) -> None:
    """Print the answer; exit 1 if it is a refusal."""
    if as_json:
        screen.print_json(answer)
    elif answer.refused is None:
        screen.line(f"{answer.job_id}: {answer.message}")
    else:
        hint = _HINTS.get(answer.refused, "").format(job=answer.job_id)
        screen.note(f"{answer.job_id}: refused ({answer.refused}): {answer.message}{hint}")
    if answer.refused is not None:
        raise typer.Exit(1)


def find(cases: KnownCases, job: str) -> KnownCase:
    """Return the case whose job id starts or ends with `job`.

    Raises:
        CommandError: there is none, or more than one.
    """
    text = job.replace("-", "").lower()
    fits = [
        case
        for case in cases.all
        if text and (case.job_id.hex.startswith(text) or case.job_id.hex.endswith(text))
    ]
    if len(fits) == 1:
        known = cases.known(fits[0].job_id)
        assert known is not None
        return known
    if not fits:
        raise CommandError(f"no case of a job {job}", "those that wait: pointsman review list")
    listed = [f"       {case.job_id}  {case.status}" for case in fits[:10]]
    raise CommandError(
        f"more than one case's job begins or ends with {job}",
        "\n".join(["give more of the id:", *listed]),
        code=2,
    )


def refused_late(case: ReviewChanged, by: str) -> ReviewAnswered | None:
    """Return the service's refusal for a case that has ended; None if the case still waits."""
    refused = not_waiting(case)
    return None if refused is None else refusal(case, by, refused)
