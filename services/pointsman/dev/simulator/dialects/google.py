"""Google's generateContent API."""

from collections.abc import Iterator, Mapping

import orjson

from pointsman.dev.simulator.answering.completion import CompletionChoice, usage
from pointsman.dev.simulator.answering.stream import event, grouped
from pointsman.dev.simulator.dialects.dialect import THOUGHT, Headers, Json, SimulatedAnswer, arguments_of
from pointsman.dev.simulator.dialects.google_request import read
from pointsman.dev.simulator.dialects.openai import authorize
from pointsman.dev.simulator.errors import Refusal

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_STOPS = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP"}


class GoogleDialect:
    """Google's wire format; see `Dialect`. The path names the model and says whether to stream."""

    def __init__(self, model: str, method: str) -> None:
        self._model = model
        self._streamed = method == "streamGenerateContent"

    def read(self, headers: Headers, query: Mapping[str, str], body: bytes) -> Json:
        if not headers.get(b"x-goog-api-key", b"").strip():
            authorize(headers)
        if self._streamed and query.get("alt") != "sse":
            raise Refusal(400, "A stream is given with alt=sse only.")
        return read(body, self._model, streamed=self._streamed)

    def whole(self, answer: SimulatedAnswer) -> bytes:
        parts = [part for choice in answer.made for part in _parts(answer.request, choice)]
        return orjson.dumps(_with_usage(answer, parts, last=True))

    def events(self, answer: SimulatedAnswer) -> list[bytes]:
        parts = [
            piece
            for choice in answer.made
            for part in _parts(answer.request, choice)
            for piece in _pieces(part)
        ]
        chunks = [_with_usage(answer, [part], last=False) for part in parts]
        return [event(chunk) for chunk in [*chunks, _with_usage(answer, [{"text": ""}], last=True)]]

    def refusal(self, refusal: Refusal) -> tuple[int, bytes]:
        if refusal.code == "content_filter":
            prompt = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 1}}
            return 200, orjson.dumps(prompt)
        status = _STATUSES.get(refusal.status, "INTERNAL")
        error: Json = {"code": refusal.status, "message": refusal.message, "status": status, "details": []}
        if (after := refusal.headers.get("retry-after")) is not None and after.replace(".", "").isdigit():
            kind = "type.googleapis.com/google.rpc.RetryInfo"
            error["details"].append({"@type": kind, "retryDelay": f"{after}s"})
        return refusal.status, orjson.dumps({"error": error})

    def failure(self, kind: str, code: str | None) -> tuple[bytes, bytes]:
        error = {"code": 500, "message": "An internal error has occurred.", "status": "INTERNAL"}
        return orjson.dumps({"error": error}), event({"error": error})

    def left(self, openai_headers: Mapping[str, str], now: float) -> Mapping[str, str]:
        return {}  # Google has no such headers


def _parts(request: Json, choice: CompletionChoice) -> Iterator[Json]:
    if request.get("thinks"):
        yield {"text": THOUGHT, "thought": True}
    if choice.text:
        yield {"text": choice.text}
    for call in choice.calls:
        called = {"id": call["id"], "name": call["function"]["name"], "args": arguments_of(call)}
        yield {"functionCall": called, "thoughtSignature": "c2lnbmVk"}


def _pieces(part: Json) -> list[Json]:
    return [{**part, "text": piece} for piece in grouped(part["text"])] if "text" in part else [part]


def _with_usage(answer: SimulatedAnswer, parts: list[Json], *, last: bool) -> Json:
    body: Json = {"usageMetadata": _usage(answer), "modelVersion": answer.model.snapshot}
    body["responseId"] = answer.call_id
    if answer.made:
        candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
        if last:
            candidate["finishReason"] = _STOPS[answer.made[0].finish]
        body["candidates"] = [candidate]
    return body


def _usage(answer: SimulatedAnswer) -> Json:
    counts = usage(answer.request, answer.made)
    thought = answer.thought_tokens
    return {
        "promptTokenCount": counts["prompt_tokens"],
        "candidatesTokenCount": counts["completion_tokens"],
        "thoughtsTokenCount": thought,
        "totalTokenCount": counts["total_tokens"] + thought,
    }
