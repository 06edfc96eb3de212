"""Chapters of the audit: they separate the lanes of a recreated topic from those of the earlier one."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from pointsman.store.connect import Connection, connected, translated
from pointsman.store.sql import query

#: A cluster's id and that of one of its topics.
TopicIds = tuple[str, UUID]

#: Between a topic's name and its chapter's number: in no name of a topic.
_BEFORE_NUMBER = "#"


class Chapter(NamedTuple):
    """The newest chapter of a topic."""

    number: int
    ids: TopicIds


def stored_topic(topic: str, number: int) -> str:
    """What rows and lanes of that chapter call the topic."""
    return topic if number == 1 else f"{topic}{_BEFORE_NUMBER}{number}"


def kafka_topic(stored: str) -> str:
    """The name that the topic has on Kafka."""
    return stored.partition(_BEFORE_NUMBER)[0]


async def chapters(connection: Connection, met: Mapping[str, TopicIds]) -> dict[str, Chapter]:
    """The newest chapter of each of these topics of one cluster; one that is not known gets its first."""
    if not met:
        return {}
    rows = await connection.fetch(
        query("chapters"), list(met), next(iter(met.values()))[0], [topic for _, topic in met.values()]
    )
    return _by_topic(rows)


async def newest_chapters(connection: Connection) -> dict[str, Chapter]:
    return _by_topic(await connection.fetch(query("newest_chapters")))


async def changed(dsn: str, met: Mapping[str, TopicIds]) -> dict[str, int]:
    """The number that the next chapter has of each topic that is not the one of its newest chapter.

    Raises:
        StoreUnavailableError, StoreError: it cannot be found out.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            return await _changed(connection, met)


async def adopt(dsn: str, met: Mapping[str, TopicIds]) -> dict[str, int]:
    """Begin these chapters; returns their numbers.

    Raises:
        StoreUnavailableError, StoreError: none was begun.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            async with connection.transaction():
                begun = await _changed(connection, met)
                for topic, number in begun.items():
                    await connection.execute(query("begin_chapter"), topic, number, *met[topic])
    return begun


async def _changed(connection: Connection, met: Mapping[str, TopicIds]) -> dict[str, int]:
    newest = await newest_chapters(connection)
    others = [topic for topic, ids in sorted(met.items()) if topic in newest and newest[topic].ids != ids]
    return {topic: newest[topic].number + 1 for topic in others}


def _by_topic(rows: Iterable[Any]) -> dict[str, Chapter]:
    return {row["topic"]: Chapter(row["number"], (row["cluster_id"], row["topic_id"])) for row in rows}
