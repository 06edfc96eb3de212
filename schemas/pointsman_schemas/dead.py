"""A dead letter: the record as it was found, with reason and origin in headers (topic `jobs.dead`)."""

from dataclasses import dataclass

from pointsman_schemas.reasons import Reason

TYPE = "job.dead.v1"

#: More of a record's own headers than this is not carried along; the original stays in the audit.
MAX_HEADERS = 64
MAX_HEADER_BYTES = 16_384
#: What a record's own headers are prefixed with on `jobs.dead`.
ORIGINAL = "orig_"
#: On any record that a topic would not take as it was: what its value weighed, and its digest.
CUT_BYTES, CUT_DIGEST = "ce_cutbytes", "ce_cutdigest"
#: On a letter that has the beginning of a large value only: what the whole weighed, and its digest.
VALUE_BYTES, VALUE_SHA256 = "ce_valuebytes", "ce_valuesha256"
#: On a letter about records that are gone: the offset behind the last of them; its origin is the first.
LOST_BEFORE = "ce_lostbefore"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Why a record came to nothing, and where it stood.

    `lost_before`: all from there to before this offset were deleted before they were read.
    """

    reason: Reason
    message: str
    stage: str
    topic: str
    partition: int
    offset: int
    lost_before: int | None = None

    def to_headers(self) -> list[tuple[str, bytes]]:
        """The extension attributes that follow the envelope on a dead letter."""
        lost = [] if self.lost_before is None else [(LOST_BEFORE, str(self.lost_before).encode())]
        return [
            ("ce_reason", self.reason.value.encode()),
            ("ce_detail", self.message.encode("utf-8", "replace")),
            ("ce_stage", self.stage.encode()),
            ("ce_origin", f"{self.topic}/{self.partition}@{self.offset}".encode()),
            *lost,
        ]


def from_headers(headers: dict[str, bytes]) -> DeadLetter:
    """Read what `to_headers` wrote.

    Raises:
        KeyError, ValueError: the headers are not those of a dead letter.
    """
    place, _, offset = headers["ce_origin"].decode().rpartition("@")
    topic, _, partition = place.rpartition("/")
    lost = headers.get(LOST_BEFORE)
    return DeadLetter(
        reason=Reason(headers["ce_reason"].decode()),
        message=headers["ce_detail"].decode("utf-8", "replace"),
        stage=headers["ce_stage"].decode(),
        topic=topic,
        partition=int(partition),
        offset=int(offset),
        lost_before=None if lost is None else int(lost),
    )
