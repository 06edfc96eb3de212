"""Lines of OpenAI's batch files: requests with a `custom_id`, and their results; pure."""

from typing import Any
from uuid import UUID

from pointsman_schemas.base import Json
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, Outcome

URL = "/v1/chat/completions"
_LONGEST = 512


def is_batch_line(body: Json) -> bool:
    """Return whether this is such a request, not a job in pointsman's own form."""
    return "custom_id" in body and "body" in body


def as_plain_body(line: Json) -> tuple[str, Json]:
    """Return the line's own id and its job.

    Raises:
        ValueError: the line is invalid; the text says why.
    """
    custom_id, body = line["custom_id"], line["body"]
    if not isinstance(custom_id, str) or not 0 < len(custom_id) <= _LONGEST:
        raise ValueError(f"custom_id: must be a text of 1 to {_LONGEST} characters")
    if (line.get("method"), line.get("url")) != ("POST", URL):
        raise ValueError(f"method and url: only POST {URL} is supported")
    if not isinstance(body, dict):
        raise ValueError("body: must be a JSON object")  # noqa: TRY004 -- as every other problem of a line
    if body.get("stream"):
        raise ValueError("body.stream: a batch cannot stream")
    unknown = line.keys() - {"custom_id", "method", "url", "body"}
    if unknown:
        raise ValueError(f"{min(unknown)}: is not a field of a batch's line")
    return custom_id, {"request": body, "metadata": {"custom_id": custom_id}}


def result_line(custom_id: str, outcome: Outcome) -> Json:
    """Return an outcome as a line of a batch's output file, or of its error file."""
    result: Json = {"id": _id(outcome.job_id), "custom_id": custom_id, "response": None, "error": None}
    if isinstance(outcome, JobCompleted):
        result["response"] = {
            "status_code": 200,
            "request_id": str(outcome.job_id),
            "body": outcome.response,
        }
    else:
        return error_line(outcome.job_id, custom_id, _code(outcome), outcome.message)
    return result


def error_line(job_id: UUID, custom_id: str, code: str, message: str) -> Json:
    """Return an error as a line of a batch's error file."""
    error = {"code": code, "message": message}
    return {"id": _id(job_id), "custom_id": custom_id, "response": None, "error": error}


def _id(job_id: UUID) -> str:
    return f"batch_req_{job_id.hex}"


def _code(outcome: Any) -> str:
    if isinstance(outcome, JobExpired):
        return "batch_expired"
    return "batch_cancelled" if isinstance(outcome, JobCancelled) else str(outcome.reason.value)
