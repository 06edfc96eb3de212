"""`pointsman agents list`: who is registered, and what they have done."""

import typer

from pointsman.cli.options import Json, Kafka, Postgres, Prefix

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("list")
def list_agents(
    *, as_json: Json = False, kafka: Kafka = None, prefix: Prefix = None, postgres: Postgres = None
) -> None:
    """List the agents: owner, state, last job, jobs and spend of the last 30 days.

    What they did comes from the audit database; without it these columns are empty.
    API keys: those that are good, and when the next of them ends.
    --json gives [{agent, owner, state, expires, api_keys, api_key_expires, last_at, jobs, cost_usd}].
    """
    import asyncio

    from pointsman.cli import screen
    from pointsman.cli.settings import CliSettings, load
    from pointsman.cli.show.registry import agents_table
    from pointsman.client.agents_now import AgentNow, agents_now
    from pointsman.runtime.clock import utc_now

    settings = load(CliSettings, kafka=kafka, prefix=prefix, postgres=postgres)

    async def work() -> tuple[list[AgentNow], str | None]:
        return await agents_now(
            settings, settings.topics, settings.postgres, utc_now(), settings.registry_people
        )

    agents, problem = asyncio.run(work())
    if as_json:
        screen.print_json([agent.to_json() for agent in agents])
    else:
        screen.show(agents_table(agents))
    if problem is not None:
        screen.note(f"the audit database does not say what they did: {problem}")
