"""Converts tools that the client runs, and calls of them, between a chat's form and a response's. Pure.

A chat has no namespaces: there a tool's name is `NAMESPACE__NAME`; its calls get both names back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pointsman.bus.codec.request_fields import RequestFieldError, sequence, text
from pointsman_schemas.base import Json


@dataclass(frozen=True, slots=True)
class CallKind:
    """A kind of tool call.

    `chat`: its name in a chat; `item`, `id`: its item's type and id prefix in a response. `text`: the field
    with what the model writes.
    """

    chat: str
    item: str
    id: str
    text: str


_KINDS = (
    CallKind("function", "function_call", "fc", "arguments"),
    CallKind("custom", "custom_tool_call", "ctc", "input"),
)
BY_CHAT = {kind.chat: kind for kind in _KINDS}
BY_ITEM = {kind.item: kind for kind in _KINDS}


def kind_of(call: Json) -> CallKind | None:
    """Return the kind of a call or of a chunk of one; None if a chunk does not say."""
    return next((kind for kind in _KINDS if isinstance(call.get(kind.chat), dict)), None)


def chat_tools(tools: list[Any], at: str = "tools", group: Json | None = None) -> Iterator[Json]:
    """Yield the tools for a chat.

    Raises:
        RequestFieldError: a tool is invalid, or not one that the client runs.
    """
    for number, tool in enumerate(tools):
        place = f"{at}[{number}]"
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in (*BY_CHAT, "namespace") or (group and kind == "namespace"):
            hint = "give functions, custom tools or namespaces of them: they are the client's to call"
            raise RequestFieldError(
                f"{place}.type", f"tools of type {str(kind)[:40]!r} are not known here; {hint}"
            )
        text(tool.get("name"), f"{place}.name")
        if kind == "namespace":
            yield from chat_tools(sequence(tool.get("tools"), f"{place}.tools"), f"{place}.tools", tool)
            continue
        fields = {name: value for name, value in tool.items() if name != "type" and value is not None}
        if kind == "custom" and "format" in fields:
            fields["format"] = _format(fields["format"])
        if group:
            about = [words for words in (group.get("description"), fields.get("description")) if words]
            fields |= {
                "name": chat_name(fields["name"], group["name"]),
                "description": "\n".join(map(str, about)),
            }
        yield {"type": kind, kind: fields}


def chat_name(name: str, namespace: object) -> str:
    """Return a tool's name in a chat."""
    return f"{namespace}__{name}" if isinstance(namespace, str) and namespace else name


def grouped(tools: Any) -> dict[str, Json]:
    """Return name and namespace of each tool in a namespace, by its name in a chat."""
    names = {}
    for group in tools if isinstance(tools, list) else ():
        if isinstance(group, dict) and isinstance(group.get("tools"), list):
            for tool in group["tools"]:
                if isinstance(tool, dict) and isinstance(tool.get("name"), str):
                    about = {"name": tool["name"], "namespace": group.get("name")}
                    names[chat_name(tool["name"], group.get("name"))] = about
    return names


def _format(grammar: Any) -> Any:
    match grammar:
        case {"type": "grammar", "definition": definition, "syntax": syntax}:
            return {"type": "grammar", "grammar": {"definition": definition, "syntax": syntax}}
        case _:
            return grammar
