"""`pointsman agents retire`."""

import typer

from pointsman.cli.options import AgentName, By, Json, Kafka, PersonKey, Prefix, Reason

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def retire(
    agent: AgentName,
    *,
    by: By = "",
    reason: Reason = "",
    key: PersonKey = None,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """Take an agent out of the registry; its history stays.

    --json gives {agent, before, state, by, reason, proposal}.
    """
    from pointsman.cli.agents.turning import turn

    turn(agent, "retired", by=by, reason=reason, key=key, as_json=as_json, kafka=kafka, prefix=prefix)
