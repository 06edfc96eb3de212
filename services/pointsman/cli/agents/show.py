"""`pointsman agents show`: one agent's registry entry."""

from pointsman.cli.options import AgentName, BusSettings, Json
from pointsman.runtime.clock import utc_now
from pointsman.runtime.terminal import screen


async def show(agent: AgentName, *, as_json: Json = False, settings: BusSettings) -> None:
    """Show one agent's entry as the registry has it, and who changed it last."""

    from pointsman.cli.agents.turning import registered
    from pointsman.cli.show.registry import entry_lines
    from pointsman.registry.follow import read_registry

    entry = registered(await read_registry(settings, settings.topics, settings.registry_people), agent)
    screen.report(entry, *entry_lines(entry, utc_now().date()), as_json=as_json)
