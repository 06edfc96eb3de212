"""Validate a chat request. Unknown parameters are accepted unread, as real providers add new ones."""

from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pointsman.dev.simulator.errors import Refusal, bad, read_object


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _Part(_Strict):
    type: str


class _Turn(_Strict):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | Annotated[list[_Part], Field(min_length=1)] | None = None
    tool_calls: Any = None
    refusal: Any = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.content is None and not (self.role == "assistant" and (self.tool_calls or self.refusal)):
            raise ValueError("text or content parts are expected")
        return self


class _Function(_Strict):
    name: str
    parameters: dict[str, Any] = {}


class _Tool(_Strict):
    type: Literal["function"]
    function: _Function


class _Schema(_Strict):
    name: str
    value: dict[str, Any] = Field(alias="schema")


class _Plain(_Strict):
    type: Literal["text", "json_object"]


class _Structured(_Strict):
    type: Literal["json_schema"]
    json_schema: _Schema


_Penalty = Annotated[float, Field(ge=-2, le=2)]
_Tokens = Annotated[int, Field(ge=1, le=2**31)]


class _Parameters(_Strict):
    model: str
    messages: Annotated[list[_Turn], Field(min_length=1)]
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    presence_penalty: _Penalty | None = None
    frequency_penalty: _Penalty | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    max_tokens: _Tokens | None = None
    max_completion_tokens: _Tokens | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    logprobs: bool | None = None
    stream: bool | None = None
    parallel_tool_calls: bool | None = None
    stream_options: dict[str, Any] | None = None
    logit_bias: dict[str, Any] | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    tools: list[_Tool] | None = None
    response_format: Annotated[_Plain | _Structured, Field(discriminator="type")] | None = None


def parse(body: bytes) -> dict[str, Any]:
    """Return the validated request. Raises `Refusal` (400) for what the real provider would refuse."""
    request = read_object(body)
    try:
        _Parameters.model_validate(request)
    except ValidationError as error:
        raise _refusal(error) from error
    _check_together(request)
    return request


def _refusal(error: ValidationError) -> Refusal:
    """Return the refusal for the first error, which names the parameter, or the place within a message."""
    first = error.errors(include_url=False)[0]
    name, *within = map(str, first["loc"])
    if name == "messages" and within:
        name = f"messages[{within[0]}].{within[1] if within[1:] else 'content'}"
    code = "missing_required_parameter" if first["type"] == "missing" else "invalid_type"
    return bad(name, f"{name}: {first['msg']}.", code)


def _check_together(request: dict[str, Any]) -> None:
    given_names = {name for name, value in request.items() if value is not None}
    if {"max_tokens", "max_completion_tokens"} <= given_names:
        raise bad("max_tokens", "max_tokens and max_completion_tokens exclude each other.")
    if request.get("top_logprobs") and not request.get("logprobs"):
        raise bad("top_logprobs", "top_logprobs needs logprobs: true.")
    if "stream_options" in given_names and not request.get("stream"):
        raise bad("stream_options", "stream_options needs stream: true.")
    _check_tool_choice(request, given_names)
    wants_json = (request.get("response_format") or {}).get("type") == "json_object"
    if wants_json and b"json" not in orjson.dumps(request["messages"]).lower():
        raise bad("messages", "response_format json_object: the messages must contain the word 'json'.")


def _check_tool_choice(request: dict[str, Any], given_names: set[str]) -> None:
    if "tool_choice" not in given_names:
        return
    if not request.get("tools"):
        raise bad("tool_choice", "tool_choice needs tools.")
    names = {tool["function"]["name"] for tool in request["tools"]}
    match request["tool_choice"]:
        case "none" | "auto" | "required":
            return
        case {"type": "function", "function": {"name": str(name)}} if name in names:
            return
        case _:
            allowed = ", ".join(sorted(names))
            raise bad("tool_choice", f"tool_choice: expected none, auto, required or {allowed}.")
