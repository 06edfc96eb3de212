"""`pointsman agents plan`: agents.yaml against the registry."""

from typing import Annotated

import typer

from pointsman.cli.options import Agents, Json, Kafka, Policy, Prefix

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def plan(
    *,
    agents: Agents = None,
    policy: Policy = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 1 if there is something to do.")
    ] = False,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """Show what `apply` would change in the registry.

    --json gives [{change, agent, fields: [{field, before, after}]}]; agent is null for the rules for all.
    """
    import asyncio

    from pointsman.cli import screen
    from pointsman.cli.agents.planning import read_file, settings_of
    from pointsman.cli.show.registry import diff
    from pointsman.registry.changes import plan as plan_changes
    from pointsman.registry.follow import read_registry

    settings = settings_of(agents, policy, kafka, prefix)
    read_file(settings)  # what is wrong with it by itself is told without Kafka
    known = asyncio.run(read_registry(settings, settings.topics, settings.registry_people))
    to_do = plan_changes(read_file(settings, known), known)
    if as_json:
        screen.print_json([change.to_json() for change in to_do])
    else:
        for line in diff(to_do):
            screen.line(line)
        note = (
            "do it: pointsman agents apply" if to_do else "nothing to do: the registry is as the file has it"
        )
        screen.note(note)
    raise typer.Exit(int(exit_code and bool(to_do)))
