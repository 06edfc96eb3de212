"""`pointsman review watch`: print a line, and post a webhook, for each case that begins to wait."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.formats import moment, printable
from pointsman.cli.options import BusSettings, Json
from pointsman.cli.stdin import read_text
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen

if TYPE_CHECKING:
    from pointsman_schemas.base import Json as JsonObject
    from pointsman_schemas.reviews import ReviewChanged


#: Changes after which a case waits for somebody: it is new, or other people have to decide it.
_CHANGES = ("opened", "next queue", "first decision")


async def watch(
    *,
    queue: Annotated[str, typer.Option(metavar="QUEUE", help="Cases of this queue only.")] = "",
    url: Annotated[
        str, typer.Option(metavar="URL", envvar="POINTSMAN_WEBHOOK_URL", help="Also post each as a webhook.")
    ] = "",
    secret_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="POINTSMAN_WEBHOOK_SECRET_FILE",
            help="What webhooks are signed with (Standard Webhooks): whsec_ and base64, or base64 alone.",
        ),
    ] = None,
    number: Annotated[
        int | None, typer.Option("--number", "-n", metavar="N", min=1, help="Stop after this many cases.")
    ] = None,
    as_json: Json = False,
    settings: BusSettings,
) -> None:
    """Print a line for each case that comes to wait from now on.

    A case comes to wait when it is opened, goes to its next queue, or needs a second person. With --url a
    webhook is posted for each, without the job's content: who, which queue, why, until when. One that
    fails four times is reported on stderr, and watching goes on.
    """
    from pointsman.bus.codec.decode import message_in
    from pointsman.bus.read.follow import follow
    from pointsman.client.webhook import NoticeFailedError, Webhook, secret_of
    from pointsman_schemas.reviews import ReviewChanged

    webhook = None
    if url:
        if secret_file is None:
            raise CommandError("a webhook is signed", "name its secret: --secret-file FILE", code=2)
        webhook = Webhook(url, secret_of(read_text(secret_file)))

    async def tell(case: ReviewChanged) -> None:
        screen.report(case, _line(case), as_json=as_json, stream=True)
        if webhook is None:
            return
        try:
            await webhook.send(f"{case.job_id}-{case.revision}", _notice(case))
        except NoticeFailedError as error:
            screen.note(f"the webhook failed: {error}")

    cases_left = number
    async with webhook or nullcontext():
        async for record in follow(settings, [settings.topics.reviews_state.name], start="end"):
            if record.value is None:
                continue
            case = message_in(record)
            if not isinstance(case, ReviewChanged) or case.change not in _CHANGES:
                continue
            if queue in ("", case.queue):
                await tell(case)
                cases_left = None if cases_left is None else cases_left - 1
                if cases_left == 0:
                    return


def _line(case: "ReviewChanged") -> str:
    why = printable(case.stop.detail)
    return f"{case.job_id}  {case.queue}  {printable(case.agent_id)}  {why}  until {moment(case.deadline)}"


def _notice(case: "ReviewChanged") -> "JsonObject":
    about = case.model_dump(
        mode="json", include={"job_id", "agent_id", "revision", "queue", "deadline", "stop"}
    )
    return {
        "type": "review.waiting",
        "timestamp": case.at.isoformat(),
        "data": {**about, "change": case.change},
    }
