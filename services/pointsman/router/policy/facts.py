"""Reads once the facts of a job that a policy may use."""

from typing import Any, NamedTuple

from pointsman_schemas.jobs import ChatMessage, ChatRequest, Job


class JobFacts(NamedTuple):
    """`chars`: characters of text in all messages. `turns`: number of messages. `tools`: number of tools."""

    agent: str
    tier: str | None
    kind: str | None
    metadata: dict[str, str | int | float | bool | None]
    chars: int
    turns: int
    tools: int
    response_format: str | None


def read_facts(job: Job) -> JobFacts:
    """Return the facts of a job."""
    request = job.request
    extra = request.__pydantic_extra__ or {}
    return JobFacts(
        job.agent_id,
        job.tier,
        job.kind,
        job.metadata,
        count_chars(request.messages),
        len(request.messages),
        count_tools(extra),
        format_of(extra.get("response_format")),
    )


def count_chars(messages: list[ChatMessage]) -> int:
    """Count the characters of all texts, without images, audio and files."""
    total = 0
    for message in messages:
        content = message.content
        if isinstance(content, str):
            total += len(content)
        elif content:
            total += sum(len(text) for part in content if isinstance(text := part.get("text"), str))
    return total


def count_tools(extra: dict[str, Any]) -> int:
    """Count the tools of a request with these parameters."""
    tools = extra.get("tools") or extra.get("functions")  # `functions` is the wire format's older name
    return len(tools) if isinstance(tools, list) else int(tools is not None)


def tool_names(request: ChatRequest) -> list[str]:
    """Return the names of the request's tools; empty for a tool without a name."""
    extra = request.__pydantic_extra__ or {}
    offered: list[Any] = []
    for tools in (extra.get("tools"), extra.get("functions")):
        offered += tools if isinstance(tools, list) else [] if tools is None else [tools]
    return [name for tool in offered for name in _names(tool)]


def _names(tool: Any) -> list[str]:
    """Return a function's or custom tool's name; a provider's own tool is named by its type."""
    if not isinstance(tool, dict):
        return [""]
    functions = [part for kind in ("function", "custom") if isinstance(part := tool.get(kind), dict)]
    names = [part.get("name") for part in functions] or [tool.get("name", tool.get("type"))]
    return [name if isinstance(name, str) else "" for name in names]


def format_of(response_format: Any) -> str | None:
    """Return the type of response that is required; None for plain text."""
    if response_format is None:
        return None
    kind = response_format.get("type") if isinstance(response_format, dict) else response_format
    return None if kind == "text" else str(kind)[:32]
