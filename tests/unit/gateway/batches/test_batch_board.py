"""Files and batches reach the same state, in whatever order and however often their messages arrive."""

from itertools import permutations

from openai.types import Batch, FileObject

from pointsman.bus.settings import LanePart
from pointsman.gateway.batches.board import BatchBoard, BatchMessage
from pointsman.gateway.batches.shapes import batch_object, file_object
from pointsman.runtime.clock import utc_now
from pointsman_schemas.control.batches import BatchCancel, BatchChanged, BatchSubmitted, FileKept
from pointsman_schemas.topics import Topics

NOW = utc_now()
FILE = FileKept(
    file_id=f"file-{1:032x}", agent_id="app", name="a.jsonl", purpose="batch", bytes=3, sha256="0" * 64,
    created_at=NOW,
)  # fmt: skip
ID = f"batch_{2:032x}"
BATCH = BatchSubmitted(
    batch_id=ID, agent_id="app", input_file_id=FILE.file_id, endpoint="/v1/chat/completions",
    created_at=NOW, expires_at=NOW,
)  # fmt: skip
CANCEL = BatchCancel(batch_id=ID, agent_id="app", asked_at=NOW)


def changed(status: str, **more: object) -> BatchChanged:
    about = {"batch_id": ID, "agent_id": "app", "total": 3, "completed": 1, "failed": 0, "at": NOW}
    return BatchChanged.model_validate({**about, "status": status, **more})


def board() -> BatchBoard:
    return BatchBoard(LanePart(prefix="t"), Topics("t"), None, utc_now)  # type: ignore[arg-type]


def test_an_ended_batch_stays_ended() -> None:
    end = changed("completed", completed=3)
    messages: list[BatchMessage] = [FILE, BATCH, changed("in_progress"), end, CANCEL]
    for order in permutations(messages):
        folded = board()
        for message in (*order, *order):
            folded.fold(message)
        assert folded.states[ID] == end
        assert folded.is_over(ID)
        assert folded.batches[ID] == BATCH and folded.files[FILE.file_id] == FILE


def test_a_file_that_was_deleted_stays_so() -> None:
    deleted = FILE.model_copy(update={"deleted_at": NOW})
    for order in permutations([FILE, deleted]):
        folded = board()
        for message in (*order, *order):
            folded.fold(message)
        assert folded.file(FILE.file_id) is None


def test_the_sdk_reads_the_answers() -> None:
    assert FileObject.model_validate(file_object(FILE)).bytes == 3
    cases = [
        (None, None, "validating"),
        (None, changed("in_progress"), "in_progress"),
        (CANCEL, changed("in_progress"), "cancelling"),
        (CANCEL, changed("cancelled"), "cancelled"),
        (CANCEL, changed("completed"), "completed"),
        (None, changed("failed", problems=("line 7: is none", "odd")), "failed"),
    ]
    for cancel, state, status in cases:
        batch = Batch.model_validate(batch_object(BATCH, cancel, state))
        assert batch.status == status
    assert batch.errors is not None and batch.errors.data is not None
    assert [(error.line, error.message) for error in batch.errors.data] == [(7, "is none"), (None, "odd")]
