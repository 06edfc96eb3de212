"""Converts a Google answer to a chat completion."""

from typing import Any

from pointsman.worker.providers.chat.arguments import name_of, written
from pointsman.worker.providers.chat.completions import completion_of, counted, usage_of_counts
from pointsman_schemas.base import Json

_FINISHES = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        (
            "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "MODEL_ARMOR",
        ),
        "content_filter",
    ),
    # The output is unusable; another attempt may succeed.
    **dict.fromkeys(
        (
            "OTHER", "IMAGE_OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS",
            "MALFORMED_RESPONSE",
        ),
        "error",
    ),
}  # fmt: skip


def to_completion(body: Json, created: int) -> Json | None:
    """Return the completion, or the error for a blocked prompt; None if the body is neither."""
    if (error := blocked(body)) is not None:
        return error
    if not is_answer(body):
        return None
    usage = usage_of(body.get("usageMetadata"))
    candidate = candidate_of(body)
    if candidate is None:
        completion = completion_of(top_of(body), created, {}, None, usage)
        return completion | {"choices": []}
    message: Json = {"role": "assistant", "refusal": None}
    content = thought = ""
    calls: list[Json] = []
    for part in parts_of(candidate):
        text = part.get("text")
        if isinstance(part.get("functionCall"), dict):
            calls.append(call_of(part, body.get("responseId"), len(calls)))
        elif isinstance(text, str) and part.get("thought") is True:
            thought += text
        elif isinstance(text, str):
            content += text
    message["content"] = content or None
    if thought:
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = calls
    finish = finish_reason(candidate.get("finishReason"), calls=bool(calls))
    return completion_of(top_of(body), created, message, finish, usage)


def blocked(body: Json) -> Json | None:
    """Return the error if the prompt was blocked; None otherwise."""
    match body.get("promptFeedback"):
        case {"blockReason": str(reason)} if candidate_of(body) is None:
            error = {"code": "content_filter", "message": f"the prompt was blocked ({reason[:80]})"}
            usage = usage_of(body.get("usageMetadata"))
            failed = {"error": error, "model": body.get("modelVersion")}
            return failed if usage is None else failed | {"usage": usage}
        case _:
            return None


def is_answer(body: Json) -> bool:
    """Whether the body is an answer or a chunk of one."""
    return isinstance(body.get("candidates"), list) or isinstance(body.get("usageMetadata"), dict)


def candidate_of(body: Json) -> Json | None:
    """Return the first candidate; only one is requested."""
    candidates = body.get("candidates")
    first = candidates[0] if isinstance(candidates, list) and candidates else None
    return first if isinstance(first, dict) else None


def parts_of(candidate: Json) -> list[Json]:
    """Return the parts of the candidate's content."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def top_of(body: Json) -> Json:
    """Return the answer's id and model."""
    return {"id": body.get("responseId"), "model": body.get("modelVersion")}


def call_of(part: Json, answer: Any, place: int) -> Json:
    """Convert a function call. Without an id it gets one made of `place` and the `answer`'s id."""
    called = part["functionCall"]
    function = {"name": name_of(called.get("name")), "arguments": written(called.get("args"))}
    id = name_of(called.get("id")) or f"call_{place}_{answer if isinstance(answer, str) else ''}"
    call: Json = {"id": id, "type": "function", "function": function}
    if isinstance(signature := part.get("thoughtSignature"), str):
        call["extra_content"] = {"google": {"thought_signature": signature}}
    return call


def finish_reason(reason: Any, *, calls: bool) -> str | None:
    """Convert to OpenAI's values; unknown ones are passed on in lower case."""
    if not isinstance(reason, str):
        return None
    finish = _FINISHES.get(reason, reason.lower())
    return "tool_calls" if calls and finish == "stop" else finish


def usage_of(usage: Any) -> Json | None:
    """Return the tokens, with thoughts in the answer's; None if they are missing or impossible."""
    if not isinstance(usage, dict):
        return None
    prompt, tools = counted(usage, "promptTokenCount"), counted(usage, "toolUsePromptTokenCount", 0)
    read = counted(usage, "cachedContentTokenCount", 0)
    answer, thought = counted(usage, "candidatesTokenCount", 0), counted(usage, "thoughtsTokenCount", 0)
    if prompt is None or tools is None or read is None or answer is None or thought is None:
        return None
    return usage_of_counts(prompt + tools, answer + thought, read=read, written=0, reasoning=thought)
