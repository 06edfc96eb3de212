"""What `suspend`, `resume` and `retire` have in common: a command that puts an agent into a state."""

import typer

from pointsman.cli.options import AgentName, By, Json, Kafka, PersonKey, Prefix, Reason
from pointsman_schemas.control.registry import State


def state_command(name: str, state: State, purpose: str) -> typer.Typer:
    """The command `name`; `purpose` is the first part of its help."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)

    @app.command(name, help=f"{purpose}\n\n--json gives {{agent, before, state, by, reason, proposal}}.")
    def _(
        agent: AgentName,
        *,
        by: By = "",
        reason: Reason = "",
        key: PersonKey = None,
        as_json: Json = False,
        kafka: Kafka = None,
        prefix: Prefix = None,
    ) -> None:
        from pointsman.cli.agents.turning import turn

        turn(agent, state, by=by, reason=reason, key=key, as_json=as_json, kafka=kafka, prefix=prefix)

    return app
