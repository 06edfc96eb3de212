"""Dead letters: the unchanged record, with reason and origin in headers (topic `jobs.dead`)."""

from dataclasses import dataclass

from pointsman_schemas.reasons import Reason

TYPE = "job.dead.v1"

#: At most this many headers and header bytes of the record are copied. The audit keeps the original record.
MAX_HEADERS = 64
MAX_HEADER_BYTES = 16_384
#: Prefix of the record's own headers on `jobs.dead`.
ORIGINAL = "orig_"
#: On a record whose value the topic refused: size and digest of the original value.
CUT_BYTES, CUT_DIGEST = "ce_cutbytes", "ce_cutdigest"
#: On a dead letter with only the beginning of a large value: size and digest of the whole value.
VALUE_BYTES, VALUE_SHA256 = "ce_valuebytes", "ce_valuesha256"
#: On a dead letter about deleted records: the offset after the last one. The origin is the first one.
LOST_BEFORE = "ce_lostbefore"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Why a record was not processed, and its topic, partition and offset.

    `lost_before`: if set, the records from `offset` up to, but not including, this one were deleted unread.
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
