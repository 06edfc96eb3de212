"""The topics as a Markdown table."""

from datetime import timedelta

from pointsman_schemas.export.asyncapi import carried
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics

COLUMNS = ("topic", "key", "partitions", "kept for", "carries", "from", "to")


def topic_table() -> str:
    """One row per topic, in the order in which a job passes them; names without the prefix."""
    topics = Topics("prefix")
    rows = [COLUMNS, tuple("---" for _ in COLUMNS)]
    rows += [_row(topic, topics) for topic in topics.all(["<tier>"])]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(topic: Topic, topics: Topics) -> tuple[str, ...]:
    return (
        f"`{topic.name.removeprefix('prefix.')}`",
        topic.key,
        str(topic.partitions),
        "the latest of each key" if topic.compacted else _days(topic.retention),
        ", ".join(f"`{name}`" for name in carried(topic, topics)),
        ", ".join(topic.writers).replace("<", r"\<"),
        ", ".join(topic.readers).replace("<", r"\<"),
    )


def _days(retention: timedelta) -> str:
    if not retention.days:
        return f"{retention.seconds // 60} minutes"
    return f"{retention.days} day{'s' if retention.days != 1 else ''}"
