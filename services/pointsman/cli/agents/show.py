"""`pointsman agents show`: one agent's entry."""

import typer

from pointsman.cli.options import AgentName, Json, Kafka, Prefix

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def show(agent: AgentName, *, as_json: Json = False, kafka: Kafka = None, prefix: Prefix = None) -> None:
    """Show one agent's entry as the registry has it, and who changed it last."""
    import asyncio

    from pointsman.cli import screen
    from pointsman.cli.agents.turning import registered
    from pointsman.cli.settings import CliSettings, load
    from pointsman.cli.show.registry import entry_lines
    from pointsman.registry.follow import read_registry
    from pointsman.runtime.clock import utc_now

    settings = load(CliSettings, kafka=kafka, prefix=prefix)
    known = registered(asyncio.run(read_registry(settings, settings.topics, settings.registry_people)), agent)
    if as_json:
        screen.print_json(known)
        return
    for line in entry_lines(known, utc_now().date()):
        screen.line(line)
