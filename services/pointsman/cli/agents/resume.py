"""`pointsman agents resume`."""

import typer

from pointsman.cli.options import AgentName, By, Json, Kafka, PersonKey, Prefix, Reason

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def resume(
    agent: AgentName,
    *,
    by: By = "",
    reason: Reason = "",
    key: PersonKey = None,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """End an agent's suspension.

    --json gives {agent, before, state, by, reason, proposal}.
    """
    from pointsman.cli.agents.turning import turn

    turn(agent, "active", by=by, reason=reason, key=key, as_json=as_json, kafka=kafka, prefix=prefix)
