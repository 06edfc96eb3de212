"""Chapters of the audit: they keep the lanes of a recreated topic apart from those of its predecessor."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from pointsman.store.connect import Connection, connected, translated
from pointsman.store.sql import query

#: The id of a cluster and the id of one of its topics.
TopicIds = tuple[str, UUID]

#: Separates a topic's name from its chapter number; no topic name contains it.
_BEFORE_NUMBER = "#"


class Chapter(NamedTuple):
    """The newest chapter of a topic."""

    number: int
    ids: TopicIds


def stored_topic(topic: str, number: int) -> str:
    """Return the topic name that rows and lanes of that chapter are stored under."""
    return topic if number == 1 else f"{topic}{_BEFORE_NUMBER}{number}"


def kafka_topic(stored: str) -> str:
    """Return the topic's name in Kafka."""
    return stored.partition(_BEFORE_NUMBER)[0]


async def chapters(connection: Connection, topic_ids: Mapping[str, TopicIds]) -> dict[str, Chapter]:
    """Return the newest chapter of each of these topics of one cluster; a new topic gets its first."""
    if not topic_ids:
        return {}
    rows = await connection.fetch(
        query("chapters"),
        list(topic_ids),
        next(iter(topic_ids.values()))[0],
        [topic for _, topic in topic_ids.values()],
    )
    return _by_topic(rows)


async def newest_chapters(connection: Connection) -> dict[str, Chapter]:
    return _by_topic(await connection.fetch(query("newest_chapters")))


async def changed(dsn: str, topic_ids: Mapping[str, TopicIds]) -> dict[str, int]:
    """Return the next chapter's number for each topic whose ids differ from those of its newest chapter.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            return await _changed(connection, topic_ids)


async def adopt(dsn: str, topic_ids: Mapping[str, TopicIds]) -> dict[str, int]:
    """Begin a new chapter for each topic whose ids have changed; returns the chapters' numbers by topic.

    Raises:
        StoreUnavailableError, StoreError: Postgres failed or refused; no chapter was begun.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            async with connection.transaction():
                begun = await _changed(connection, topic_ids)
                for topic, number in begun.items():
                    await connection.execute(query("begin_chapter"), topic, number, *topic_ids[topic])
    return begun


async def _changed(connection: Connection, topic_ids: Mapping[str, TopicIds]) -> dict[str, int]:
    newest = await newest_chapters(connection)
    others = [
        topic for topic, ids in sorted(topic_ids.items()) if topic in newest and newest[topic].ids != ids
    ]
    return {topic: newest[topic].number + 1 for topic in others}


def _by_topic(rows: Iterable[Any]) -> dict[str, Chapter]:
    return {row["topic"]: Chapter(row["number"], (row["cluster_id"], row["topic_id"])) for row in rows}
