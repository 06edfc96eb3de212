"""`pointsman agents approve`: the second person's word."""

from typing import Annotated

import typer

from pointsman.cli.options import By, Json, Kafka, PersonKey, Prefix

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def approve(
    proposal: Annotated[
        str | None, typer.Argument(metavar="PROPOSAL", help="Its id, as `apply` printed it.")
    ] = None,
    *,
    by: By = "",
    key: PersonKey = None,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """Make what another person proposed hold; without PROPOSAL, list what waits.

    --json gives [{proposal, by, reason, changes}], of what was approved or waits.
    """
    import asyncio

    from pointsman.cli import screen
    from pointsman.cli.agents.person import person
    from pointsman.cli.settings import CliSettings, load
    from pointsman.cli.show.registry import proposal_lines
    from pointsman.registry.follow import read_registry
    from pointsman.registry.publish import approve
    from pointsman.runtime.errors import CommandError
    from pointsman_schemas.control.registry import RegistryProposed

    settings = load(CliSettings, kafka=kafka, prefix=prefix)

    async def work() -> list[RegistryProposed]:
        history = await read_registry(settings, settings.topics, settings.registry_people)
        waiting = list(history.proposals.values())
        if proposal is None:
            return waiting
        meant = [known for known in waiting if str(known.proposal) == proposal]
        if not meant:
            raise CommandError(f"no proposal {proposal} waits", "see which do: pointsman agents approve")
        who = person(by, key, settings.registry_people)
        if meant[0].by == who.id:
            raise CommandError(f"{who.id} proposed it: another person approves it", "name yourself: --by ID")
        await approve(settings, settings.topics, meant[0], who)
        return meant

    shown = asyncio.run(work())
    if as_json:
        screen.print_json(shown)
        return
    for known in shown:
        for line in proposal_lines(known):
            screen.line(line)
    if not shown:
        screen.note("nothing waits for approval")
    elif proposal is not None:
        screen.note("approved: in force everywhere within 2 s")
