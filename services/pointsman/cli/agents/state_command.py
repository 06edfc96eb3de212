"""What `suspend`, `resume` and `retire` have in common: a command that puts an agent into a state."""

from collections.abc import Callable

from pointsman.cli.command import command
from pointsman.cli.options import AgentName, BusSettings, By, Json, PersonKey, Reason
from pointsman_schemas.control.registry import State


def state_command(state: State, purpose: str) -> Callable[..., None]:
    """The command that makes an agent's state `state`; `purpose` is the first part of its help."""

    async def run(
        agent: AgentName,
        *,
        by: By = "",
        reason: Reason = "",
        key: PersonKey = None,
        as_json: Json = False,
        settings: BusSettings,
    ) -> None:
        from pointsman.cli.agents.turning import turn

        await turn(settings, agent, state, by=by, reason=reason, key=key, as_json=as_json)

    run.__doc__ = f"{purpose}\n\n--json gives {{agent, before, state, by, reason, proposal}}."
    return command(run)
