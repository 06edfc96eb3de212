"""Files and batches in the JSON shapes of OpenAI's API; pure."""

from pointsman_schemas.base import Json
from pointsman_schemas.control.batches import BatchCancel, BatchChanged, BatchSubmitted, FileKept

_ENDS = {
    "completed": "completed_at",
    "failed": "failed_at",
    "expired": "expired_at",
    "cancelled": "cancelled_at",
}


def file_object(file: FileKept) -> Json:
    """Return a file's JSON object."""
    return {
        "id": file.file_id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": int(file.created_at.timestamp()),
        "filename": file.name,
        "purpose": file.purpose,
        "status": "processed",
    }


def batch_object(batch: BatchSubmitted, cancel: BatchCancel | None, state: BatchChanged | None) -> Json:
    """Return a batch's JSON object. `state`: None before a process has begun it."""
    is_over = state is not None and state.status != "in_progress"
    status: str = "validating" if state is None else state.status
    times: Json = dict.fromkeys(("in_progress_at", "cancelling_at", "finalizing_at", *_ENDS.values()))
    if state is not None:
        times[_ENDS.get(state.status, "in_progress_at")] = int(state.at.timestamp())
    if cancel is not None:
        times["cancelling_at"] = int(cancel.asked_at.timestamp())
        status = status if is_over else "cancelling"
    problems = state.problems if state is not None else ()
    counts = {"total": 0, "completed": 0, "failed": 0}
    if state is not None:
        counts = {"total": state.total, "completed": state.completed, "failed": state.failed}
    return {
        "id": batch.batch_id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "errors": {"object": "list", "data": [_problem(text) for text in problems]} if problems else None,
        "input_file_id": batch.input_file_id,
        "completion_window": "24h",
        "status": status,
        "output_file_id": None if state is None else state.output_file_id,
        "error_file_id": None if state is None else state.error_file_id,
        "created_at": int(batch.created_at.timestamp()),
        "expires_at": int(batch.expires_at.timestamp()),
        **times,
        "request_counts": counts,
        "metadata": batch.metadata or None,
    }


def _problem(text: str) -> Json:
    """Split `line 3: ...`. A problem without a line number is an internal error, not one of the file."""
    place, _, message = text.partition(": ")
    number = place.removeprefix("line ")
    if not number.isdigit():
        return {"code": "internal", "line": None, "message": text, "param": None}
    return {"code": "invalid_request", "line": int(number), "message": message, "param": None}
