"""Reports records that retention deleted before a lane read them: a dead letter, a log event, a metric."""

import logging
import time

from pointsman.bus.codec.decode import broker_time
from pointsman.bus.codec.emit import dead_letter
from pointsman.bus.codec.records import Incoming
from pointsman.bus.produce.bitmap import encode_metadata
from pointsman.bus.produce.lane_writer import LaneWriter, Position
from pointsman.bus.settings import LanePart
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.metrics import LOST
from pointsman_schemas.dead import DeadLetter
from pointsman_schemas.reasons import Reason

log = logging.getLogger(__name__)


async def pass_over_lost(
    settings: LanePart, group: str, writer: LaneWriter, position: Position, first: int
) -> None:
    """If retention deleted records before the lane read them: write one dead letter, and move the lane.

    `first`: the partition's first offset, to which the lane moves in the transaction of the dead letter.
    """
    if position.next_offset is None or position.next_offset >= first:
        return
    lane, next_offset, stage = writer.lane, position.next_offset, group.removeprefix(f"{settings.prefix}.")
    missing = first - next_offset - sum(next_offset <= offset < first for offset in position.finished)
    if not missing:
        return
    report_lost(group, (lane.topic, lane.partition), next_offset, first)
    problem = (
        f"offsets {next_offset} to {first - 1} were deleted before {stage} read them: "
        f"retention passed it by; up to {missing} records were not dealt with"
    )
    record = Incoming(
        lane.topic, lane.partition, next_offset, int(time.time() * 1000), None, None, (), seed=writer.seed
    )
    letter = DeadLetter(Reason.INTERNAL, problem, stage, *record.origin, lost_before=first)
    await writer.write(
        [
            dead_letter(
                settings.topics.dead,
                record,
                letter,
                cause=None,
                source=f"pointsman/{stage}",
                now=broker_time(record),
            )
        ],
        first,
        encode_metadata(first, [offset for offset in position.finished if offset >= first]),
    )


def report_lost(group: str, place: tuple[str, int], next_offset: int, first: int) -> None:
    """Log and count the offsets from `next_offset` to before `first`, which were never read."""
    LOST.labels(place[0]).inc(first - next_offset)
    event(
        log,
        logging.ERROR,
        Event.RECORDS_LOST,
        group=group,
        topic=place[0],
        partition=place[1],
        offset=next_offset,
        first=first,
    )
