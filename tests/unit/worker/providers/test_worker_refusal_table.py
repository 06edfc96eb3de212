"""HTTP status and body are mapped to a reason, for many providers and gateways."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.worker.providers.error_body import read_error
from pointsman.worker.providers.refusal_table import ROWS, RefusalKind, kind_of

ACCOUNT, USED_UP, NO_MODEL, TOO_LONG = (
    RefusalKind.ACCOUNT,
    RefusalKind.USED_UP,
    RefusalKind.NO_MODEL,
    RefusalKind.TOO_LONG,
)
FILTERED, LIMITED, TIMED_OUT, FAILING = (
    RefusalKind.FILTERED,
    RefusalKind.LIMITED,
    RefusalKind.TIMED_OUT,
    RefusalKind.FAILING,
)
REDIRECTED, UNREADABLE, REQUEST = RefusalKind.REDIRECTED, RefusalKind.UNREADABLE, RefusalKind.REQUEST


def error(message: str = "", **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, **fields}}


OPENAI: list[tuple[int, Any, RefusalKind]] = [
    (401, error("Incorrect API key provided", type="invalid_request_error", code="invalid_api_key"), ACCOUNT),
    (403, error("Country not supported", code="unsupported_country_region_territory"), ACCOUNT),
    (
        404,
        error("The model `x` does not exist", type="invalid_request_error", code="model_not_found"),
        NO_MODEL,
    ),
    (400, error("maximum context length is 8192 tokens", code="context_length_exceeded"), TOO_LONG),
    (400, error("Rejected by the safety system", code="content_policy_violation"), FILTERED),
    (400, error("Invalid value for 'temperature'", type="invalid_request_error", code=None), REQUEST),
    (429, error("Rate limit reached for gpt-4.1", type="tokens", code="rate_limit_exceeded"), LIMITED),
    (429, error("Request too large for gpt-4.1 on tokens per min", code="rate_limit_exceeded"), TOO_LONG),
    (
        429,
        error("You exceeded your current quota", type="insufficient_quota", code="insufficient_quota"),
        USED_UP,
    ),
    (429, error("You exceeded your current quota, please check your plan and billing details."), USED_UP),
    (429, error("Billing hard limit has been reached", code="billing_hard_limit_reached"), USED_UP),
    (429, error("slow down"), LIMITED),
    (500, error("The server had an error", type="server_error"), FAILING),
    (503, error("That model is currently overloaded"), FAILING),
]
ANTHROPIC: list[tuple[int, Any, RefusalKind]] = [
    (status, {"type": "error", "error": {"type": type, "message": message}, "request_id": "r"}, kind)
    for status, type, message, kind in [
        (400, "invalid_request_error", "messages: at least one message is required", REQUEST),
        (400, "invalid_request_error", "Your credit balance is too low to access the API", USED_UP),
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", TOO_LONG),
        (400, "invalid_request_error", "You have reached your specified API usage limits.", USED_UP),
        (401, "authentication_error", "invalid x-api-key", ACCOUNT),
        (402, "billing_error", "There is an issue with your billing", USED_UP),
        (403, "permission_error", "no access to the resource", ACCOUNT),
        (404, "not_found_error", "model: claude-x", NO_MODEL),
        (413, "request_too_large", "Request exceeds the maximum size", TOO_LONG),
        (429, "rate_limit_error", "Number of request tokens has exceeded your limit", LIMITED),
        (500, "api_error", "Internal server error", FAILING),
        (504, "timeout_error", "The request timed out", TIMED_OUT),
        (529, "overloaded_error", "Overloaded", FAILING),
        (200, "overloaded_error", "Overloaded", FAILING),
        (200, "rate_limit_error", "too fast", LIMITED),
    ]
]
GOOGLE: list[tuple[int, Any, RefusalKind]] = [
    (number, shape, kind)
    for number, word, message, kind in [
        (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", ACCOUNT),
        (400, "INVALID_ARGUMENT", 'Unknown name "foo"', REQUEST),
        (400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number", TOO_LONG),
        (400, "FAILED_PRECONDITION", "Please enable billing on your project", ACCOUNT),
        (401, "UNAUTHENTICATED", "Request had invalid authentication credentials", ACCOUNT),
        (403, "PERMISSION_DENIED", "The caller does not have permission", ACCOUNT),
        (404, "NOT_FOUND", "models/x is not found for API version v1", NO_MODEL),
        (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan", LIMITED),
        (500, "INTERNAL", "An internal error has occurred", FAILING),
        (503, "UNAVAILABLE", "The model is overloaded", FAILING),
        (504, "DEADLINE_EXCEEDED", "Deadline expired", TIMED_OUT),
    ]
    for shape in (
        {"error": {"code": number, "message": message, "status": word}},
        [{"error": {"code": number, "message": message, "status": word}}],
    )
]
OTHERS: list[tuple[int, Any, RefusalKind]] = [
    # Azure
    (401, error("Access denied due to invalid subscription key", code="401"), ACCOUNT),
    (404, error("The API deployment does not exist", code="DeploymentNotFound"), NO_MODEL),
    (429, error("exceeded token rate limit of your current pricing tier", code="429"), LIMITED),
    (
        400,
        error("filtered", code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}),
        FILTERED,
    ),
    (400, error("filtered", innererror={"code": "ResponsibleAIPolicyViolation"}), FILTERED),
    (429, {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 20 seconds."}, LIMITED),
    # Mistral
    (
        429,
        {"object": "error", "message": "full", "type": "service_tier_capacity_exceeded", "code": "3505"},
        LIMITED,
    ),
    (
        400,
        {"object": "error", "message": "Invalid model: x", "type": "invalid_model", "code": "1500"},
        NO_MODEL,
    ),
    (401, {"message": "Unauthorized", "request_id": "r"}, ACCOUNT),
    # Groq
    (413, error("Request too large", type="tokens", code="rate_limit_exceeded"), TOO_LONG),
    (498, error("Flex tier capacity exceeded", code="capacity_exceeded"), FAILING),
    (400, error("decommissioned", type="invalid_request_error", code="model_decommissioned"), NO_MODEL),
    (400, error("restricted", code="organization_restricted"), ACCOUNT),
    # OpenRouter
    (402, error("Insufficient credits", code=402), USED_UP),
    (403, error("flagged", code=403, metadata={"reasons": ["violence"], "flagged_input": "x"}), FILTERED),
    (403, error("Key limit exceeded (total limit)", code=403), USED_UP),
    (400, error("x/y is not a valid model ID", code=400), NO_MODEL),
    (404, error("No endpoints found that support tool use", code=404), NO_MODEL),
    (200, error("Upstream limit reached", code=429), LIMITED),
    (200, error("No auth credentials found", code=401), ACCOUNT),
    (200, error("Provider returned error", code=502), FAILING),
    (200, error("Insufficient credits", code="402"), USED_UP),
    # vLLM
    (
        404,
        {"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404},
        NO_MODEL,
    ),
    (
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens",
            "type": "BadRequestError",
            "code": 400,
        },
        TOO_LONG,
    ),
    (
        400,
        {"object": "error", "message": "n must be 1", "type": "BadRequestError", "param": None, "code": 400},
        REQUEST,
    ),
    (422, {"detail": [{"loc": ["body", "n"], "msg": "not an integer", "type": "int_parsing"}]}, REQUEST),
    # LiteLLM
    (401, error("Authentication Error, Invalid proxy server token", type="auth_error", code="401"), ACCOUNT),
    (400, error("Budget has been exceeded! Current cost: 1.2", type="budget_exceeded", code="400"), USED_UP),
    (
        429,
        error(
            "litellm.RateLimitError: OpenAIException - You exceeded your current quota",
            type="throttling_error",
            code="429",
        ),
        USED_UP,
    ),
    (
        429,
        error(
            "litellm.RateLimitError: VertexAIException - RESOURCE_EXHAUSTED: exceeded your current quota",
            code="429",
        ),
        LIMITED,
    ),
    (500, error("litellm.AuthenticationError: AzureException - wrong", type=None, code="500"), ACCOUNT),
    (500, error("litellm.InternalServerError: x", code="500"), FAILING),
    (400, error("litellm.ContextWindowExceededError: x", type=None, code="400"), TOO_LONG),
    (500, error("wrapped", code="429"), LIMITED),
    # DeepSeek, Moonshot, xAI, Together, Cohere, Fireworks
    (402, error("Insufficient Balance", type="unknown_error", code="invalid_request_error"), USED_UP),
    (400, error("Content Exists Risk", type="invalid_request_error"), FILTERED),
    (429, error("suspended", type="exceeded_current_quota_error"), USED_UP),
    (429, error("busy", type="engine_overloaded_error"), FAILING),
    (
        400,
        {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: x***y"},
        ACCOUNT,
    ),
    (
        403,
        {"code": "No permission", "error": "Your team has used all available credits or reached its limit"},
        USED_UP,
    ),
    (401, {"message": "invalid api token"}, ACCOUNT),
    (412, {"error": "Account x is suspended, possibly due to reaching the monthly spending limit"}, USED_UP),
    # Bedrock, Cloudflare, Hugging Face, Ollama
    (400, {"__type": "com.amazon.coral#ThrottlingException", "message": "Too many requests"}, LIMITED),
    (403, {"__type": "UnrecognizedClientException", "message": "The security token is invalid"}, ACCOUNT),
    (400, {"message": "Input is too long for requested model."}, TOO_LONG),
    (400, {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}, ACCOUNT),
    (400, {"error": "Authorization header is correct, but the token seems invalid"}, ACCOUNT),
    (503, {"error": "Model x is currently loading", "estimated_time": 20.0}, FAILING),
    (404, {"error": "model 'x' not found, try pulling it first"}, NO_MODEL),
    # requests too long, in other words
    *(
        (400, {"error": {"message": message}}, TOO_LONG)
        for message in (
            "Please reduce the length of the messages or completion.",
            "the request exceeds the available context size, try increasing it",
            "Requested 9000 tokens, which is beyond the context window of 8192",
            "Too many tokens in the prompt",
            "This request exceeds the model's maximum input of 8192 tokens",
            "context_length: 9000 of 8192",
        )
    ),
    (400, error("x", type="exceed_context_size_error"), TOO_LONG),
    (400, error("x", code="model_context_window_exceeded"), TOO_LONG),
    (422, error("maximum context length is 8192 tokens"), TOO_LONG),
    (400, error("tools: too long a name"), REQUEST),
    (400, error("temperature exceeds the maximum of 2"), REQUEST),
    (429, error("Too many tokens per day, please wait before trying again"), LIMITED),
    (429, error("Too many tokens, please wait before trying again"), LIMITED),
    # in nobody's shape
    (200, {"error": "rate limit"}, LIMITED),
    (200, {"error": "Invalid API key"}, ACCOUNT),
    (200, {"detail": "Unauthorized"}, ACCOUNT),
    (200, {"error": {"type": "insufficient_quota"}}, USED_UP),
    (200, {"error": "something else"}, UNREADABLE),
    (400, {"error": {"message": {"deep": 1}}}, REQUEST),
    (302, None, REDIRECTED),
    (307, None, REDIRECTED),
    (401, None, ACCOUNT),
    (402, None, USED_UP),
    (404, None, NO_MODEL),
    (405, None, NO_MODEL),
    (407, None, ACCOUNT),
    (408, None, TIMED_OUT),
    (409, None, FAILING),
    (418, None, REQUEST),
    (429, None, LIMITED),
    (500, None, FAILING),
    (599, None, FAILING),
]


@pytest.mark.parametrize(("status", "body", "kind"), [*OPENAI, *ANTHROPIC, *GOOGLE, *OTHERS])
def test_reasons_by_status_and_body(status: int, body: Any, kind: RefusalKind) -> None:
    assert kind_of(status, read_error(body)) is kind


@pytest.mark.parametrize(
    "text",
    ["the rate limit of my API key, not valid in an unauthorized context", "quota exceeded", "billing"],
)
def test_quoted_prompts_do_not_determine_the_reason(text: str) -> None:
    """An error with the provider's own code may quote the prompt."""
    body = error(f"messages[0].content: {text!r} is no list", type="invalid_request_error", param="messages")
    assert kind_of(422, read_error(body)) is REQUEST


def test_a_wait_in_the_body_is_read() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}, 7]
    assert read_error([error("slow", details=details)]).delay_s == 34.5
    assert read_error([error("slow", details=[{"retryDelay": "9" * 400 + "s"}])]).delay_s is None


def test_every_kind_has_its_row() -> None:
    assert set(ROWS) == set(RefusalKind)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "errors", "detail", "message", "code", "type", "details", "metadata"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(200, 599), JSON)
def test_no_body_breaks_it(status: int, body: Any) -> None:
    assert kind_of(status, read_error(json.loads(json.dumps(body)))) in RefusalKind
