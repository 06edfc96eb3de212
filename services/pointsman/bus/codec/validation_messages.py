"""Words pydantic's validation errors for the record's publisher."""

from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_SHOWN = 5
_DEEPEST = 6

_WORDS = {
    "missing": "is missing",
    "string_type": "must be a text",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "extra_forbidden": "is not a field of this message",
    "timezone_aware": "must say its time zone, such as 2030-01-31T12:00:00Z",
}
_TIME = "must be an RFC 3339 time such as 2030-01-31T12:00:00Z"
_TIER = "1 to 32 lower-case letters, digits and -, beginning with a letter or digit"


def describe_errors(error: ValidationError, within: Sequence[str] = ()) -> str:
    """Return the errors in one line, as `where: what`. `within`: a path prefix to leave out."""
    messages: dict[str, str] = {}
    for fault in error.errors(include_url=False):
        path, words = _path_and_words(fault)
        shown = ".".join(
            str(step) for step in (path[1:] if within and path[:1] == tuple(within) else path)[:_DEEPEST]
        )
        messages[shown] = words
    parts = [f"{path}: {words}" if path else words for path, words in list(messages.items())[:_SHOWN]]
    more = f" (and {len(messages) - _SHOWN} more)" if len(messages) > _SHOWN else ""
    return "; ".join(parts) + more


def _path_and_words(fault: ErrorDetails) -> tuple[tuple[int | str, ...], str]:
    """Return an error's path and wording.

    For a union pydantic reports one error per member type, each with the type as the path's last step.
    """
    path, kind = fault["loc"], fault["type"]
    match path:
        case (*above, str(name), "str" | "int" | "float" | "bool") if "metadata" in above[-1:]:
            return (*above, name), "must be a text, a number, true, false or null"
        case (*above, "content", str()):
            return (*above, "content"), "must be a text or a list of parts"
        case (*above, "content", str(), int()):
            return (*above, "content"), "must be a text or a list of parts"
        case (*_, "tier") if kind == "string_pattern_mismatch":
            return path, _TIER
        case _:
            pass
    if kind in ("string_too_long", "too_long"):
        return path, f"is longer than {fault['ctx']['max_length']}"
    if kind.startswith("datetime"):
        return path, _TIME
    return path, _WORDS.get(kind, fault["msg"])
