"""`pointsman agents suspend`, `resume` and `retire`: change an agent's state."""

from collections.abc import Awaitable, Callable

from pointsman.cli.options import AgentName, BusSettings, By, Json, PersonKey, Reason
from pointsman_schemas.control.registry import State


def state_command(state: State, purpose: str) -> Callable[..., Awaitable[None]]:
    """Return the command that puts an agent into `state`; `purpose` is the first part of its help."""

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
    return run


suspend = state_command(
    "suspended",
    "Refuse an agent's jobs from now on; jobs under way go on.\n\n"
    "Its Kafka login ends too, where it has one and you may: its next write is refused, on an open "
    "connection as well. One person may suspend, also where the rules ask for two.",
)
resume = state_command("active", "End an agent's suspension.")
retire = state_command("retired", "Take an agent out of the registry; its history stays.")
