"""A broker that has just started has no leaders for a moment: that is waited for, and nothing else is."""

from typing import Any
from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaError, KafkaException

from pointsman.bus.places import EARLIEST, offsets


def consumer(*codes: int | None) -> Any:
    """Answers each question with the next error, or with offset 7."""
    answers = [
        Mock(topic="t", partition=0, offset=7, error=KafkaError(code) if code else None) for code in codes
    ]
    return Mock(offsets_for_times=Mock(side_effect=[[answer] for answer in answers]))


def test_a_change_of_leaders_is_waited_for() -> None:
    asked = consumer(KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.LEADER_NOT_AVAILABLE, None)
    assert offsets(asked, {("t", 0): EARLIEST}, 30) == {("t", 0): 7}


def test_another_refusal_is_told_at_once() -> None:
    asked = consumer(KafkaError.TOPIC_AUTHORIZATION_FAILED, None)
    with pytest.raises(KafkaException):
        offsets(asked, {("t", 0): EARLIEST}, 30)
    assert asked.offsets_for_times.call_count == 1


def test_a_leader_that_does_not_come_is_told_in_the_end() -> None:
    with pytest.raises(KafkaException):
        offsets(consumer(KafkaError.LEADER_NOT_AVAILABLE), {("t", 0): EARLIEST}, -1)
