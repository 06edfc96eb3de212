"""Converts the events of an Anthropic message to chat completion chunks."""

from typing import Any

from pointsman.worker.providers.anthropic.response import finish_reason, usage_of
from pointsman.worker.providers.chat.arguments import name_of, written
from pointsman.worker.providers.chat.completions import CompletionChunks
from pointsman_schemas.base import Json


class AnthropicEvents(CompletionChunks):
    """See `EventTranslator`."""

    def __init__(self, created: int) -> None:
        super().__init__(created)
        self.is_over = False
        self._usage: Json = {}
        self._calls = self._thoughts = 0
        self._block: Json = {}
        self._has_arguments = False

    def chunks(self, event: Json) -> list[Json]:
        """See `EventTranslator`."""
        match event:
            case {"type": "message_start", "message": dict(message)}:
                self._top |= {"id": message.get("id"), "model": message.get("model")}
                self._count(message.get("usage"))
                return [self._chunk({"role": "assistant", "refusal": None})]
            case {"type": "content_block_start", "content_block": dict(block)}:
                return self._begin(dict(block))
            case {"type": "content_block_delta", "delta": dict(delta)}:
                return self._go_on(delta)
            case {"type": "content_block_stop"}:
                return self._end_block()
            case {"type": "message_delta", "delta": dict(delta)}:
                self._count(event.get("usage"))
                finish = finish_reason(delta.get("stop_reason"))
                return [] if finish is None else self._end(finish, usage_of(self._usage))
            case {"type": "message_stop"}:
                self.is_over = True
                return []
            case _:
                return []

    def _begin(self, block: Json) -> list[Json]:
        self._block, self._has_arguments = block, False
        match block.get("type"):
            case "tool_use":
                self._calls += 1
                block_input = block.get("input")
                self._has_arguments = bool(block_input)
                arguments = written(block_input) if block_input else ""
                function = {"name": name_of(block.get("name")), "arguments": arguments}
                id = name_of(block.get("id"))
                return [self._call({"id": id, "type": "function", "function": function})]
            case "text":
                return self._text(block.get("text"))
            case "thinking":
                self._thoughts += 1
                return [self._thought({"type": "thinking", "thinking": ""})]
            case "redacted_thinking":
                self._thoughts += 1
                return [self._thought(block)]
            case _:
                return []

    def _go_on(self, delta: Json) -> list[Json]:
        match delta:
            case {"type": "text_delta"}:
                return self._text(delta.get("text"))
            case {"type": "input_json_delta", "partial_json": str(part)} if part and self._calls:
                self._has_arguments = True
                return [self._call({"function": {"arguments": part}})]
            case {"type": "thinking_delta", "thinking": str(part)} if self._is_thought and part:
                return [self._thought({"thinking": part}, reasoning_content=part)]
            case {"type": "signature_delta", "signature": str(signature)} if self._is_thought:
                return [self._thought({"signature": signature})]
            case _:
                return []

    def _end_block(self) -> list[Json]:
        block, self._block = self._block, {}
        if block.get("type") == "tool_use" and not self._has_arguments:
            return [self._call({"function": {"arguments": "{}"}})]
        return []

    @property
    def _is_thought(self) -> bool:
        return self._block.get("type") == "thinking"

    def _thought(self, piece: Json, **fields: Any) -> Json:
        return self._chunk({**fields, "thinking_blocks": [{"index": self._thoughts - 1, **piece}]})

    def _call(self, call: Json) -> Json:
        return self._chunk({"tool_calls": [{"index": self._calls - 1, **call}]})

    def _count(self, usage: Any) -> None:
        """Keep the latest counts: each is a running total."""
        if isinstance(usage, dict):
            self._usage |= {name: value for name, value in usage.items() if value is not None}
