"""`pointsman feedback`: judge an answer."""

from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.key_file import read_key
from pointsman.cli.options import Job, Json, Key, Reason, Settings
from pointsman.runtime.terminal import screen

if TYPE_CHECKING:
    from uuid import UUID

    from pointsman.store.ask.jobs import Jobs
    from pointsman_schemas.decisions import Decision


#: Words that stand for numbers.
WORDS = {"good": 1.0, "bad": 0.0}


async def feedback(
    job: Job,
    verdict: Annotated[str, typer.Argument(metavar="VERDICT", help="good, bad, or a number from 0 to 1.")],
    *,
    comment: Reason = "",
    by: Annotated[
        str, typer.Option(metavar="ID", envvar="POINTSMAN_AGENT", help="Who judges: you, or an agent.")
    ] = "",
    key: Key = None,
    as_json: Json = False,
    settings: Settings,
) -> None:
    """Record how good a job's answer was.

    The verdict is stored with the job, and the score can learn from it. The last verdict of each judge
    counts. Where the score chose the tier, routers compare the verdict with the score's prediction.
    """
    from pointsman.cli import job_id
    from pointsman.cli.judge import judge
    from pointsman.client.client import Client
    from pointsman.store.ask.jobs import Jobs

    value = read_verdict(verdict)
    if len(comment) > 2000:
        raise typer.BadParameter("--comment: at most 2000 characters")
    person = judge(by)
    signing_key = read_key(key)
    async with Jobs.opened(settings.postgres) as jobs:
        full_id = await job_id.find(jobs, job)
        agent = (await jobs.states([full_id]))[0].agent_id
        decision = await _decision(jobs, full_id)
    async with Client(kafka=settings, key=signing_key) as client:
        await client.feedback(full_id, value, comment, by=person, agent_id=agent, judged=decision)
    judged = {"job_id": full_id, "verdict": value, "by": person, "comment": comment}
    screen.report(judged, f"{full_id}: verdict {value:g} by {person}", as_json=as_json)


async def _decision(jobs: "Jobs", job_id: "UUID") -> "Decision | None":
    """Return the decision with the score's prediction; None for a cascade, which judges answers itself."""
    from pointsman.store.errors import ContentHiddenError

    try:
        routed = await jobs.decision(job_id)
    except ContentHiddenError:
        return None
    decision = None if routed is None else routed.message.decision
    return None if decision is None or decision.cascade is not None else decision


def read_verdict(text: str) -> float:
    """Return the verdict as a number from 0 to 1.

    Raises:
        typer.BadParameter: the text is neither `good`, `bad` nor such a number.
    """
    try:
        value = WORDS[text.lower()] if text.lower() in WORDS else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise typer.BadParameter(f"{text!r} is no verdict: say good, bad, or a number from 0 to 1")
    return value
