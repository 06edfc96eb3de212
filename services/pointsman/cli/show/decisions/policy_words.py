"""What the topics `policy` and `agents.registry` carry, in a few words."""

from pointsman_schemas.base import Message
from pointsman_schemas.control.policies import ModelApplied, PolicyApplied
from pointsman_schemas.control.promises import PromiseBroken, PromiseRenewed
from pointsman_schemas.control.registry import AgentChanged, RegistryChanged, RegistryProposed

POLICY_KINDS = {
    "policy.applied": ("policy", "blue"),
    "model.applied": ("model", "blue"),
    "promise.broken": ("doubted", "red"),
    "promise.renewed": ("trusted", "green"),
    "agent.changed": ("agent", "blue"),
    "registry.changed": ("rules", "blue"),
    "registry.proposed": ("proposal", "yellow"),
}


def policy_words(message: Message) -> str:
    """Empty for every other message."""
    match message:
        case PolicyApplied():
            by = f", scores by {message.model.name}@{message.model.version}" if message.model else ""
            return f"{message.name} {message.policy_version} is in force{by}"
        case ModelApplied():
            return f"{message.model.name}@{message.model.version}, {len(message.content) * 3 // 4:,} bytes"
        case PromiseBroken():
            return f"{message.model} is not asked: {message.found}"
        case PromiseRenewed():
            comment = f": {message.comment}" if message.comment else ""
            return f"{message.model} is asked again, says {message.by}{comment}"
        case AgentChanged():
            reason = f": {message.reason}" if message.reason else ""
            return f"{message.agent.id} of {message.agent.owner} is {message.state}, by {message.by}{reason}"
        case RegistryChanged():
            rules = message.rules
            return f"others: {rules.unregistered}, identity: {rules.identity}, by {message.by}"
        case RegistryProposed():
            return f"{len(message.changes)} changes of the registry, by {message.by}: {message.proposal}"
        case _:
            return ""
