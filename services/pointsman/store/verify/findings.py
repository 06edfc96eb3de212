"""The result of a verification: how much was checked, and what does not match."""

from dataclasses import dataclass, field
from enum import StrEnum


class Wrong(StrEnum):
    """The kinds of problems with the audit."""

    BYTES = "bytes"
    PAYLOAD = "payload"
    LARGE_VALUE = "large_value"
    LINK = "link"
    UNCHAINED = "unchained"
    REWRITTEN = "rewritten"
    END_MISSING = "end_missing"
    HEAD = "head"
    LANE = "lane"
    CHECKPOINT = "checkpoint"
    DROPPED = "dropped"
    DEFINITION = "definition"
    SUMMARY = "summary"
    ASIDE = "aside"
    LOST = "lost"
    NOT_KAFKA = "not_kafka"
    NOT_STORED = "not_stored"
    KAFKA_DIFFERS = "kafka_differs"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem; `offset`: of the first affected row of the lane, if the problem concerns a row."""

    wrong: Wrong
    said: str
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None

    @property
    def row(self) -> tuple[str, int, int] | None:
        """Topic, partition and offset, if the problem concerns a row."""
        if self.topic is None or self.partition is None or self.offset is None:
            return None
        return self.topic, self.partition, self.offset

    @property
    def place(self) -> str:
        """`topic/partition@offset`, as far as known."""
        if self.topic is None:
            return _PLACES.get(self.wrong, "checkpoints")
        return f"{self.topic}/{self.partition}" + ("" if self.offset is None else f"@{self.offset}")


_PLACES = {
    Wrong.DEFINITION: "schema",
    Wrong.SUMMARY: "audit.job",
    Wrong.ASIDE: "tables",
    Wrong.DROPPED: "audit.dropped",
}


@dataclass(slots=True)
class VerifyReport:
    """Counts and findings.

    `rows`: checked; `older`: from before the chain; `unsigned`: not yet in a checkpoint. `masked`: changed by
    a privacy rule before storage; `sealed`: encrypted for a subject. `jobs`: recomputed summaries.
    """

    lanes: int = 0
    rows: int = 0
    older: int = 0
    unsigned: int = 0
    dropped: int = 0
    checkpoints: int = 0
    masked: int = 0
    sealed: int = 0
    jobs: int = 0
    signatures: str = ""
    findings: list[Finding] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether there are no findings."""
        return not self.findings
