"""Reads a call's token usage under each provider's field names; impossible values count as unknown. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pointsman.worker.calls.answer import Result
from pointsman.worker.limits.estimate import answers, size
from pointsman_schemas.base import Json
from pointsman_schemas.calls import Usage

#: An upper bound on a prompt or an answer, in tokens.
MOST = 10_000_000
#: A bound on the tokens that a provider adds to a text request, and uses for reasoning.
_UNSEEN = 200_000

_INPUT = ("prompt_tokens", "input_tokens")
_OUTPUT = ("completion_tokens", "output_tokens")
_DETAILS = ("prompt_tokens_details", "input_tokens_details", "cache_creation")
#: Names used by OpenAI and most others, Anthropic, DeepSeek and Moonshot, in the details or beside them.
_READ = ("cached_tokens", "cache_read_input_tokens", "cache_read_tokens", "prompt_cache_hit_tokens")
_WRITTEN = ("cache_creation_input_tokens", "cache_creation_tokens", "cache_write_tokens")
_WRITTEN_1H = ("cache_write_1h_tokens", "ephemeral_1h_input_tokens")
_TEXT_PARTS = {"text", "input_text", "refusal"}


class _ImpossibleError(ValueError):
    """Not a possible number of tokens."""


def usage_of(body: Json) -> Usage | None:
    """Return the usage in the body; None if it is missing or impossible."""
    usage = body.get("usage")
    if not isinstance(usage, dict):
        return None
    try:
        return _usage(usage)
    except _ImpossibleError:
        return None


def believed(result: Result, request: Json) -> Result:
    """Return `result`, without its usage if that exceeds what `request` can take."""
    usage = result.usage
    if usage is None:
        return result
    too_many_in = usage.input_tokens > _UNSEEN and _is_text(request) and usage.input_tokens > size(request)
    too_many_out = usage.output_tokens > _UNSEEN * answers(request)
    return replace(result, usage=None) if too_many_in or too_many_out else result


def _usage(usage: Json) -> Usage:
    input_count = next((usage[name] for name in _INPUT if usage.get(name) is not None), None)
    if input_count is None:
        raise _ImpossibleError
    total = _tokens(input_count)
    places = [part for part in (usage, *map(usage.get, _DETAILS)) if isinstance(part, dict)]
    cache_read, written, hour = (_most(places, names) for names in (_READ, _WRITTEN, _WRITTEN_1H))
    if _counts_apart(usage, total, cache_read + written):
        total += cache_read + written
    if cache_read + written > total or hour > written:
        raise _ImpossibleError
    answered = max((_tokens(usage[name] or 0) for name in _OUTPUT if name in usage), default=0)
    return Usage(
        input_tokens=total,
        output_tokens=answered,
        cached_tokens=cache_read,
        cache_write_tokens=written,
        cache_write_1h_tokens=hour,
    )


def _counts_apart(usage: Json, total: int, cached: int) -> bool:
    """Whether `input_tokens` excludes cached tokens, as Anthropic's does."""
    native = any(
        usage.get(name) is not None for name in ("cache_read_input_tokens", "cache_creation_input_tokens")
    )
    return native and (usage.get("prompt_tokens") is None or cached > total)


def _most(places: Sequence[Json], names: Sequence[str]) -> int:
    counts = [part[name] for part in places for name in names if part.get(name) is not None]
    return max(map(_tokens, counts), default=0)


def _tokens(count: Any) -> int:
    """Return a token count; some providers write it as a float."""
    if (
        isinstance(count, bool)
        or not isinstance(count, int | float)
        or not 0 <= count <= MOST
        or count != int(count)
    ):
        raise _ImpossibleError
    return int(count)


def _is_text(request: Json) -> bool:
    """Whether the model reads nothing but the request's text: no picture, file or search."""
    messages = request.get("messages")
    return isinstance(messages, list) and not _brings_more(request) and all(map(_is_text_message, messages))


def _brings_more(request: Json) -> bool:
    tools = request.get("tools")
    others = isinstance(tools, list) and any(
        not isinstance(tool, dict) or tool.get("type") not in (None, "function") for tool in tools
    )
    return others or any(
        name in request for name in ("web_search_options", "previous_response_id", "plugins")
    )


def _is_text_message(message: Any) -> bool:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        return all(isinstance(part, dict) and part.get("type") in _TEXT_PARTS for part in content)
    return content is None or isinstance(content, str)
