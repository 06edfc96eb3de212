"""Read the file of agents for a plan."""

from pathlib import Path

from pydantic import Field

from pointsman.registry.agents_file import AgentsFile
from pointsman.registry.agents_file import load as load_agents
from pointsman.registry.registry import RegistryHistory
from pointsman.router.policy.policy_file import load as load_policy
from pointsman.router.policy.review_plan import queues_of
from pointsman.router.settings import RouterSettings
from pointsman.runtime.clock import utc_now


class AgentsSettings(RouterSettings):
    """The addresses and files of the registry commands; the policy names the tiers."""

    agents: Path = Field(default=Path("agents.yaml"), description="who may do what")


def read_file(settings: AgentsSettings, history: RegistryHistory | None = None) -> AgentsFile:
    """Return the agents' file, checked against the policy's tiers and queues, today's date and the registry.

    Raises:
        FileError: the file is invalid; every problem has its line and column.
    """
    policy = load_policy(settings.policy)
    registered = None
    if history is not None:
        active = (agent for agent in history.agents.values() if agent.state != "retired")
        registered = {agent.entry.id: agent.entry.expires for agent in active}
    return load_agents(
        settings.agents,
        policy.tiers,
        utc_now().date(),
        queues=queues_of(policy.review),
        registered=registered,
    )
