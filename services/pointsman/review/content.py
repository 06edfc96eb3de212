"""Validates review requests and edited answers; pure."""

from pointsman.cascade.completion import read_completion
from pointsman_schemas.base import Json
from pointsman_schemas.reviews import ReviewRequested


def why_no_case(request: ReviewRequested) -> str | None:
    """Return what the request lacks for a person to decide; None if it is complete."""
    plan = request.decision.review
    if plan is None:
        return "its decision has no `review`, which says how cases are decided"
    names = {queue.name for queue in plan.queues}
    if len(names) < len(plan.queues):
        return "its decision names a queue twice"
    named_queues = {request.queue, *(queue.then for queue in plan.queues if queue.then is not None)}
    if lacking := sorted(named_queues - names):
        return f"its decision does not describe the queue {lacking[0]}"
    if (request.proposed is None) == (request.stop.of == "answer"):
        return "a stopped answer comes with what is proposed, and nothing else does"
    if request.proposed is not None and request.proposed.job_id != request.job.job_id:
        return "what is proposed is the outcome of another job"
    return None


def why_unusable(response: Json) -> str | None:
    """Return why an edited body cannot be used as an answer; None if it can."""
    try:
        text = read_completion(response).text
    except (LookupError, TypeError, AttributeError, ValueError):
        return "the edited answer is no chat completion: choices[0].message is missing"
    return None if text.strip() else "the edited answer says nothing"


def with_text(response: Json, text: str) -> Json:
    """Return the body with another text, without the fields that only apply to the old one."""
    choice, *_ = response["choices"]
    message = {"role": choice["message"].get("role", "assistant"), "content": text}
    other_fields = {name: value for name, value in choice.items() if name not in ("message", "logprobs")}
    return {**response, "choices": [{**other_fields, "message": message, "finish_reason": "stop"}]}
