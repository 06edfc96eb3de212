"""The agents' file, read for a plan."""

from pathlib import Path

from pointsman.cli.settings import load
from pointsman.registry.agents_file import AgentsFile
from pointsman.registry.agents_file import load as load_agents
from pointsman.router.policy.policy_file import load as load_policy
from pointsman.router.settings import RouterSettings
from pointsman.runtime.clock import utc_now

#: Where the file is, if nobody says.
AGENTS = Path("agents.yaml")


def settings_of(policy: Path | None, kafka: str | None, prefix: str | None) -> RouterSettings:
    """Where the cluster is, and the policy, which names the tiers."""
    return load(RouterSettings, kafka=kafka, prefix=prefix, policy=policy)


def read_file(settings: RouterSettings, agents: Path | None) -> AgentsFile:
    """The agents' file, held to the policy's tiers and to today.

    Raises:
        FileError: with every problem's line and column.
    """
    return load_agents(agents or AGENTS, load_policy(settings.policy).tiers, utc_now().date())
