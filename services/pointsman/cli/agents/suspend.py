"""`pointsman agents suspend`."""

import typer

from pointsman.cli.options import AgentName, By, Json, Kafka, PersonKey, Prefix, Reason

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def suspend(
    agent: AgentName,
    *,
    by: By = "",
    reason: Reason = "",
    key: PersonKey = None,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """Refuse an agent's jobs from now on; jobs under way go on.

    Its Kafka login ends too, where it has one and you may: its next write is refused, on an open connection
    as well. One person may suspend, also where the rules ask for two.

    --json gives {agent, before, state, by, reason, proposal}.
    """
    from pointsman.cli.agents.turning import turn

    turn(agent, "suspended", by=by, reason=reason, key=key, as_json=as_json, kafka=kafka, prefix=prefix)
