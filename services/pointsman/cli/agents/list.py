"""`pointsman agents list`: the registered agents and their activity."""

from pointsman.cli.options import Json, Settings
from pointsman.runtime.clock import utc_now
from pointsman.runtime.terminal import screen


async def list(*, as_json: Json = False, settings: Settings) -> None:
    """List the agents: owner, state, last job, jobs and spend of the last 30 days.

    What they did comes from the audit database; without it these columns are empty.
    API keys: those that are good, and when the next of them ends.
    --json gives [{agent, owner, state, expires, api_keys, api_key_expires, last_at, jobs, cost_usd}].
    """
    from pointsman.cli.show.registry import agents_table
    from pointsman.client.agents_now import agents_now

    people = settings.registry_people
    agents, problem = await agents_now(settings, settings.topics, settings.postgres, utc_now(), people)
    screen.report(agents, agents_table(agents), as_json=as_json)
    if problem is not None:
        screen.note(f"the audit database does not say what they did: {problem}")
