"""`pointsman audit adopt`: topics that were made anew, or another cluster's, get a chapter of their own."""

from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.options import Json, Kafka, PostgresOwner, Prefix

if TYPE_CHECKING:
    from pointsman.bus.admin.topic_ids import TopicId

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def adopt(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which topics have changed.")] = False,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
    postgres: PostgresOwner = None,
) -> None:
    """Start a new chapter of the record for each topic that was recreated or replaced.

    A topic that was deleted and made anew, or that another cluster has, begins at offset 0 again. The audit
    reads nothing of it until it is adopted; then all of it is stored beside what the one before it had, as
    the topic NAME#2, and so on. It need not be restarted.
    """
    import asyncio
    import re

    from pointsman.bus.admin.topic_ids import topic_ids_of
    from pointsman.cli import screen
    from pointsman.cli.settings import load
    from pointsman.runtime.settings import KafkaPart
    from pointsman.store.append.chapters import adopt, changed, stored_topic
    from pointsman.store.settings import OwnerPart

    bus = load(KafkaPart, kafka=kafka, prefix=prefix)
    dsn = load(OwnerPart, postgres_owner=postgres).owner_dsn
    pattern = re.compile(bus.topics.pattern)

    async def work() -> tuple[dict[str, "TopicId"], dict[str, int]]:
        ids = {
            topic: topic_id for topic, topic_id in (await topic_ids_of(bus)).items() if pattern.match(topic)
        }
        begun = await (changed(dsn, ids) if dry_run else adopt(dsn, ids))
        return {topic: ids[topic] for topic in begun}, begun

    ids, begun = asyncio.run(work())
    if as_json:
        screen.print_json(
            [
                {
                    "topic": topic,
                    "chapter": number,
                    "topic_id": str(ids[topic].topic),
                    "cluster": ids[topic].cluster,
                }
                for topic, number in begun.items()
            ]
        )
        return
    for topic, number in begun.items():
        doing = "would begin" if dry_run else "begins"
        screen.line(f"{topic}: chapter {number} {doing}, stored as {stored_topic(topic, number)}")
    if not begun:
        screen.line("every topic is the one that was audited before")
