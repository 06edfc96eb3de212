"""What the topic `policy` carries, in a few words."""

from pointsman_schemas.base import Message
from pointsman_schemas.policies import ModelApplied, PolicyApplied
from pointsman_schemas.promises import PromiseBroken, PromiseRenewed

POLICY_KINDS = {
    "policy.applied": ("policy", "blue"),
    "model.applied": ("model", "blue"),
    "promise.broken": ("doubted", "red"),
    "promise.renewed": ("trusted", "green"),
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
        case _:
            return ""
