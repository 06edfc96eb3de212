"""`pointsman agents approve`: a second person approves a proposed change."""

from typing import Annotated

import typer

from pointsman.cli.options import BusSettings, By, Json, PersonKey
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen


async def approve(
    proposal: Annotated[
        str | None, typer.Argument(metavar="PROPOSAL", help="Its id, as `apply` printed it.")
    ] = None,
    *,
    by: By = "",
    key: PersonKey = None,
    as_json: Json = False,
    settings: BusSettings,
) -> None:
    """Approve another person's proposal; without PROPOSAL, list those that wait.

    --json gives [{proposal, by, reason, changes}], of what was approved or waits.
    """
    from pointsman.cli.agents.person import person
    from pointsman.cli.show.registry import proposal_lines
    from pointsman.registry.follow import read_registry
    from pointsman.registry.publish import approve as publish_approval

    history = await read_registry(settings, settings.topics, settings.registry_people)
    shown = list(history.proposals.values())
    if proposal is not None:
        shown = [proposed for proposed in shown if str(proposed.proposal) == proposal]
        if not shown:
            raise CommandError(f"no proposal {proposal} waits", "see which do: pointsman agents approve")
        user = person(by, key, settings.registry_people)
        if shown[0].by == user.id:
            raise CommandError(f"{user.id} proposed it: another person approves it", "name yourself: --by ID")
        await publish_approval(settings, settings.topics, shown[0], user)
    notes = [] if shown else ["nothing waits for approval"]
    if proposal is not None:
        notes = ["approved: in force everywhere within 2 s"]
    lines = (line for proposed in shown for line in proposal_lines(proposed))
    screen.report(shown, *lines, notes=notes, as_json=as_json)
