"""Maps the finish reasons of all providers to a closed set; pure."""

from enum import StrEnum


class End(StrEnum):
    """How an answer ended."""

    STOPPED = "stopped"
    CUT_OFF = "cut off"
    FILTERED = "filtered"
    TOOLS = "tools"
    ERROR = "error"
    UNKNOWN = "unknown"


#: OpenAI, Anthropic, Google, Cohere, Mistral, Bedrock, Together, vLLM, TGI, watsonx, Ollama, llama.cpp.
_WORDS = {
    End.STOPPED: (
        "stop", "stopped", "stop_sequence", "stop_sequences", "stop_str", "stop_token",
        "stop_criteria_met", "eos",
        "eos_token", "eos_token_id", "eot", "eot_token", "end_turn", "end_of_turn", "endoftext",
        "end_of_text", "end",
        "complete", "completed", "finish", "finished", "done", "success", "normal", "word", "stop_word",
    ),
    End.CUT_OFF: (
        "length", "max_tokens", "max_output_tokens", "max_new_tokens", "max_length",
        "max_completion_tokens",
        "model_length", "token_limit", "tokens_limit", "limit", "model_context_window_exceeded",
        "context_length_exceeded", "context_window_exceeded", "error_limit", "time_limit", "timeout",
        "incomplete",
        "not_finished", "pause_turn", "user_cancel", "cancel", "cancelled", "canceled", "abort", "aborted",
        "interrupted", "preempted",
    ),
    End.FILTERED: (
        "content_filter", "content_filtered", "content_filtering", "filtered", "filter", "safety",
        "image_safety",
        "recitation", "image_recitation", "blocklist", "prohibited_content", "image_prohibited_content",
        "spii",
        "language", "guardrail_intervened", "guardrail_intervention", "guardrails", "error_toxic",
        "sensitive",
        "refusal", "moderation", "blocked", "policy_violation", "violation", "jailbreak",
    ),
    End.TOOLS: ("tool_calls", "tool_call", "tool_use", "function_call", "function_calls", "tools"),
    End.ERROR: (
        "error", "internal_error", "server_error", "network_error", "failed", "failure", "other_error",
        "insufficient_system_resource", "malformed_function_call", "unexpected_tool_call",
        "too_many_tool_calls",
        "malformed_response", "malformed_model_output", "malformed_tool_use", "engine_overloaded",
        "overloaded",
    ),
}  # fmt: skip
_ENDS = {word: end for end, words in _WORDS.items() for word in words}
#: No word of the table is longer, so longer values are not searched.
_LONGEST = 64


def end_of(finish_reason: object) -> End:
    """Return the meaning of `finish_reason`; UNKNOWN if it is missing or not in the table."""
    if not isinstance(finish_reason, str) or len(finish_reason) > _LONGEST:
        return End.UNKNOWN
    word = "_".join(finish_reason.casefold().replace("-", " ").replace("_", " ").split())
    return _ENDS.get(word.removeprefix("finish_reason_"), End.UNKNOWN)
