"""Where reading starts: partitions, and the offset of a beginning, an end or a time; all of it blocks."""

import re
import time
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pointsman.bus.errors import TopicMissingError

#: Topic and partition.
Place = tuple[str, int]
#: The next offset of each place.
Offsets = Mapping[Place, int]
Start = Literal["beginning", "end"] | datetime | Offsets
Topics = Collection[str] | re.Pattern[str]

#: What ListOffsets takes in place of a time.
LATEST, EARLIEST = -1, -2
#: How long a topic that was just made may take to be known, seconds.
_TOPIC_S = 3.0
#: What a broker answers for a moment after it started, or when a partition changed hands.
_LEADER_CHANGES = {
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,
}


def partitions(consumer: Consumer, topics: Topics, within: float) -> set[Place]:
    """The partitions that `topics` have now; a topic that is not there has none.

    Raises:
        KafkaException: no answer within `within` seconds.
    """
    known = consumer.list_topics(timeout=within).topics
    names = filter(topics.match, known) if isinstance(topics, re.Pattern) else set(topics) & known.keys()
    return {(name, number) for name in names for number in known[name].partitions}


def all_partitions(consumer: Consumer, topics: Topics, within: float) -> set[Place]:
    """As `partitions`, but each topic that is named must be there.

    Raises:
        KafkaException: no answer within `within` seconds.
        TopicMissingError: a topic that is named is not there.
    """
    give_up = time.monotonic() + _TOPIC_S
    while True:
        found = partitions(consumer, topics, within)
        missing = set() if isinstance(topics, re.Pattern) else set(topics) - {topic for topic, _ in found}
        if not missing:
            return found
        if time.monotonic() > give_up:
            raise TopicMissingError(missing)
        time.sleep(0.1)


def offsets(consumer: Consumer, times: Mapping[Place, int], within: float) -> dict[Place, int]:
    """The first offset at or after a time (milliseconds since 1970), or of LATEST or EARLIEST; -1 for none.

    Raises:
        KafkaException: no answer within `within` seconds, or a refusal.
    """
    if not times:
        return {}
    give_up = time.monotonic() + within
    while True:
        answered = consumer.offsets_for_times(
            [TopicPartition(topic, number, at) for (topic, number), at in times.items()], timeout=within
        )
        errors = [each.error for each in answered if each.error is not None]
        if not errors:
            break
        if time.monotonic() > give_up or not {error.code() for error in errors} <= _LEADER_CHANGES:
            raise KafkaException(errors[0])
        time.sleep(0.1)
    return {(each.topic, each.partition): each.offset for each in answered}


def resolve(consumer: Consumer, places: Collection[Place], start: Start, within: float) -> dict[Place, int]:
    """Where each place begins for `start`; a place that the offsets do not name, at its first record."""
    match start:
        case "beginning":
            return offsets(consumer, dict.fromkeys(places, EARLIEST), within)
        case "end":
            return offsets(consumer, dict.fromkeys(places, LATEST), within)
        case datetime():
            found = offsets(consumer, dict.fromkeys(places, int(start.timestamp() * 1000)), within)
            none_yet = [place for place, offset in found.items() if offset < 0]
            return found | offsets(consumer, dict.fromkeys(none_yet, LATEST), within)
        case _:
            unnamed = [place for place in places if place not in start]
            first = offsets(consumer, dict.fromkeys(unnamed, EARLIEST), within)
            return {place: start[place] if place in start else first[place] for place in places}
