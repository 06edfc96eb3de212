"""The declarations of the topics, and what is derived from them."""

import re
from dataclasses import replace

import pytest

from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics

TOPICS = Topics("p.x")


NOT_AUDITED = {"p.x.jobs.chunks", "p.x.gateway.requests"}


def declared() -> list[Topic]:
    return [*TOPICS.all(["small"]), TOPICS.agent_results("reader")]


def subscribed() -> list[str]:
    return [topic.name for topic in declared() if re.match(TOPICS.pattern, topic.name)]


def test_the_audit_subscribes_to_what_it_is_declared_to_read() -> None:
    assert subscribed() == [topic.name for topic in declared() if topic.audited]
    assert {topic.name for topic in declared()} - set(subscribed()) == NOT_AUDITED


def test_a_topic_that_is_not_for_the_audit_is_not_subscribed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = replace(TOPICS.calls, readers=("people",))
    monkeypatch.setattr(Topics, "calls", property(lambda _: calls))
    assert {topic.name for topic in declared()} - set(subscribed()) == {*NOT_AUDITED, "p.x.calls"}


def test_all_topics_for_the_audit_are_subscribed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = replace(TOPICS.chunks, readers=("gateway", "audit"))
    requests = replace(TOPICS.requests, readers=("gateway", "audit"))
    monkeypatch.setattr(Topics, "chunks", property(lambda _: chunks))
    monkeypatch.setattr(Topics, "requests", property(lambda _: requests))
    assert subscribed() == [topic.name for topic in declared()]


@pytest.mark.parametrize("name", ["p.xx.jobs.intake", "pax.jobs.intake", "p.x", "a.p.x.jobs.intake"])
def test_another_installations_topics_are_not_ours(name: str) -> None:
    assert not re.match(TOPICS.pattern, name)


@pytest.mark.parametrize("name", ["p.x.jobs.chunks.old", "p.x.jobs.chunk", "p.x.old.jobs.chunks"])
def test_a_topic_whose_name_only_begins_or_ends_so_is_on_record(name: str) -> None:
    assert re.match(TOPICS.pattern, name)
