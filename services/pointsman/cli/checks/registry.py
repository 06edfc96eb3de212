"""Whether agents are registered, and what becomes of others."""

from pointsman.bus.errors import BusError
from pointsman.cli.checks.finding import CheckResult
from pointsman.identity.verify import AgentKeys
from pointsman.registry.follow import read_registry
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics


async def registry(kafka: KafkaPart, topics: Topics, people: AgentKeys | None) -> CheckResult:
    """The registry as routers have it."""
    try:
        standing = (await read_registry(kafka, topics, people)).registry
    except BusError as error:
        return CheckResult("agents", None, f"the registry cannot be read: {error}")
    if standing is None:
        problem = "the registry is empty: routers wait for it"
        return CheckResult("agents", False, problem, "pointsman agents apply")
    active = sum(agent.state == "active" for agent in standing.agents.values())
    others = "are admitted" if standing.admits_unregistered else "are rejected"
    return CheckResult(
        "agents", True, f"{active} active, others {others}, identity {standing.rules.identity}"
    )
