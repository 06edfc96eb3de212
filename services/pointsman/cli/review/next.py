"""`pointsman review next`: claim a case and show it."""

from shlex import quote
from typing import Annotated

import typer

from pointsman.cli.key_file import read_key
from pointsman.cli.options import BusSettings, By, Json, Key
from pointsman.runtime.clock import utc_now
from pointsman.runtime.terminal import screen


async def next(
    *,
    queue: Annotated[str, typer.Option(metavar="QUEUE", help="One of this queue.")] = "",
    by: By = "",
    key: Key = None,
    as_json: Json = False,
    settings: BusSettings,
) -> None:
    """Claim the open case with the earliest deadline that you may decide, and show it.

    Exit 1: there is none, or all were refused; the last reason is shown.
    """
    from pointsman.cli.judge import judge
    from pointsman.cli.show.case import case_lines
    from pointsman.client.reviews import Reviewer, claim_next

    reviewer_id = judge(by)
    async with Reviewer(settings, settings.topics, reviewer_id, read_key(key)) as reviewer:
        claimed, refused = await claim_next(settings, settings.topics, reviewer, queue, utc_now())
    if claimed is None:
        why = f": {refused.message}" if refused is not None else ""
        where = f" in queue {queue}" if queue else ""
        screen.note(f"no open case{where} for {reviewer_id}{why}")
        raise typer.Exit(1)
    case = {"case": claimed.case, "request": claimed.request, "seen": claimed.seen}
    options = (f" --by {by}" if by else "") + (f" --key {quote(str(key))}" if key else "")
    screen.report(case, *case_lines(claimed, utc_now(), options), as_json=as_json)
