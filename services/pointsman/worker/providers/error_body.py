"""Reads an error from a body, in the shapes that providers and gateways use: pure, never raises."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_CODES = (
    "code", "type", "status", "reason", "error_type", "error_code", "errorCode", "statusCode", "status_code",
    "__type",
)  # fmt: skip
_MESSAGES = (
    "message", "Message", "msg", "status_msg", "error_description", "error_msg", "detail", "title", "error",
)  # fmt: skip
#: Fields that may hold the error, in order of precedence: an object, a text or a list of them.
_INNER = ("error", "errors", "detail", "base_resp", "Error")
#: The exception class that a gateway puts before the provider's message.
_CLASS = re.compile(r"\b(?:litellm|openai|anthropic)\.(\w{1,60})")
_DELAY = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")
_STATUS = re.compile(r"[1-5]\d\d\Z")
_MOST_NODES = 16
_MOST_WORD = 80
_MOST_TEXT = 4_000


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """`status`: an HTTP status in the body; `words`: its codes and types, in lower case without `_`.

    `message`: empty if there is none. `delay_s`: the wait it asks for. `code`, `param`: verbatim.
    """

    status: int | None = None
    words: frozenset[str] = frozenset()
    message: str = ""
    delay_s: float | None = None
    code: str | None = None
    param: str | None = None

    def __bool__(self) -> bool:
        return bool(self.status or self.words or self.message)


def read_error(body: Any) -> ErrorBody:
    """Return the error in the body; an empty ErrorBody if there is none."""
    nodes = list(_nodes(body))
    status, words, message, delay_s = None, set(), "", None
    for node in nodes:
        if isinstance(node, str):
            message = message or node[:_MOST_TEXT]
            words.add(_word(node))
            continue
        for name in _CODES:
            named = _status(node.get(name))
            status = status or named
            if named is None and isinstance(node.get(name), str):
                words.add(_word(node[name]))
        texts = (node.get(name) for name in _MESSAGES)
        message = message or next((text[:_MOST_TEXT] for text in texts if isinstance(text, str) and text), "")
        if isinstance(delay := node.get("retryDelay"), str) and (seconds := _DELAY.fullmatch(delay)):
            delay_s = float(seconds[1])
        if isinstance(node.get("metadata"), dict) and {"flagged_input", "reasons"} & node["metadata"].keys():
            words.add("moderation")
    if class_name := _CLASS.search(message[:200]):
        words.add(_word(class_name[1]))
    code, param = (_named(nodes, name) for name in ("code", "param"))
    return ErrorBody(status, frozenset(words - {""}), message, delay_s, code, param)


def _named(nodes: list[dict[str, Any] | str], name: str) -> str | None:
    """Return the innermost short text under `name`, unless it is an HTTP status."""
    texts = (node.get(name) for node in nodes if isinstance(node, dict))
    text = next((text for text in texts if isinstance(text, str) and text), "")
    is_word = text.isprintable() and len(text) <= _MOST_WORD and not _STATUS.match(text)
    return text if text and is_word else None


def _nodes(body: Any) -> Iterator[dict[str, Any] | str]:
    """Yield the innermost error first, then those around it, then their details."""
    chain: list[dict[str, Any] | str] = []
    node = _first(body)
    while isinstance(node, dict) and len(chain) < 4:
        chain.append(node)
        node = next((inner for name in _INNER if (inner := _first(node.get(name)))), None)
    if isinstance(node, str):
        chain.append(node)
    yield from reversed(chain)
    for outer in chain:
        if isinstance(outer, dict):
            nodes = [outer.get("innererror"), *_some(outer.get("details"))]
            yield from (node for node in nodes[:_MOST_NODES] if isinstance(node, dict))


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _some(value: Any) -> list[Any]:
    return value[:_MOST_NODES] if isinstance(value, list) else []


def _status(value: Any) -> int | None:
    """Return an HTTP status of at least 400, given as number or text; else None."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not _STATUS.match(str(value)[:4]):
        return None
    return int(value) if int(value) >= 400 else None


def _word(text: str) -> str:
    """Normalise a code: `RateLimitError` and `rate_limit_error` become equal; a sentence becomes empty."""
    text = text.strip()
    if len(text) > _MOST_WORD or " " in text:
        return ""
    return re.sub("[^a-z0-9]", "", text.lower().rpartition("#")[2])
