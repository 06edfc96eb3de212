"""`pointsman agents plan`: compare agents.yaml with the registry."""

from pointsman.cli.options import AgentsOptions, ExitCode, Json
from pointsman.runtime.terminal import screen


async def plan(
    *,
    exit_code: ExitCode = False,
    as_json: Json = False,
    settings: AgentsOptions,
) -> int:
    """Show what `apply` would change in the registry.

    --json gives [{change, agent, fields: [{field, before, after}]}]; agent is null for the rules for all.
    """
    from pointsman.cli.agents.planning import read_file
    from pointsman.cli.show.registry import diff, retired_roles
    from pointsman.registry.changes import plan as plan_changes
    from pointsman.registry.follow import read_registry

    read_file(settings)  # errors of the file itself are reported without Kafka
    history = await read_registry(settings, settings.topics, settings.registry_people)
    screen.note(f"agents: {settings.agents}")
    to_do = plan_changes(read_file(settings, history), history)
    note = "do it: pointsman agents apply" if to_do else "nothing to do: the registry is as the file has it"
    screen.report(to_do, *diff(to_do), notes=[*retired_roles(to_do), note], as_json=as_json)
    return int(exit_code and bool(to_do))
