"""Describes dropped rows: signed statements with the chains' links at the ends of each dropped range."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from pointsman.identity.keys import PublicKey
from pointsman.store.append.lanes import StoredPartition
from pointsman.store.verify.findings import Finding, Wrong


class Run(BaseModel):
    """A dropped range of a lane. `rows`: its rows with links; `chain`: the last link (hexadecimal)."""

    model_config = ConfigDict(frozen=True)

    topic: str
    partition: int
    first: int
    last: int
    rows: int
    chain: str | None


class Statement(BaseModel):
    """The statement about one dropped day."""

    model_config = ConfigDict(frozen=True)

    day: date
    rows: int
    runs: tuple[Run, ...]


class Gap(NamedTuple):
    """A dropped range of a lane from offset `first` to `last`. `chain`: the link at its end."""

    first: int
    last: int
    rows: int
    chain: bytes | None

    def holds(self, next_offset: int) -> bool:
        """Return whether a lane with this next offset ended within the gap."""
        return self.first < next_offset <= self.last


class Gaps(NamedTuple):
    """Each lane's gaps in order, the number of dropped rows, and problems with the statements."""

    by_lane: dict[StoredPartition, list[Gap]]
    rows: int
    findings: list[Finding]


def gaps_of(stored: Iterable[tuple[bytes, str]], public: PublicKey | None) -> Gaps:
    """Return the gaps that the signed statements describe. Without a public key, no signature is checked."""
    gaps = Gaps({}, 0, [])
    rows = 0
    for text, signature in stored:
        try:
            statement = Statement.model_validate_json(text)
        except ValidationError:
            gaps.findings.append(Finding(Wrong.DROPPED, "what audit.dropped says of a day cannot be read"))
            continue
        if public is not None and not public.signed_bytes(text, signature):
            problem = f"that {statement.day} was dropped is not signed by the key {public.id}"
            gaps.findings.append(Finding(Wrong.DROPPED, problem))
            continue
        rows += statement.rows
        for run in statement.runs:
            gap = Gap(run.first, run.last, run.rows, None if run.chain is None else bytes.fromhex(run.chain))
            gaps.by_lane.setdefault((run.topic, run.partition), []).append(gap)
    for lane_gaps in gaps.by_lane.values():
        lane_gaps.sort()
    return gaps._replace(rows=rows)
