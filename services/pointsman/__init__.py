"""pointsman: routes LLM and agent jobs to the right tier of model, with every message on record."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pointsman.client import Client

__all__ = ["Client"]


def __getattr__(name: str) -> Any:
    """`from pointsman import Client`, loaded when asked for, so that `import pointsman` stays light."""
    if name == "Client":
        from pointsman.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
