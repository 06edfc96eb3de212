"""`pointsman audit adopt`: start a new chapter for topics that were recreated or replaced."""

import re
from typing import Annotated

import typer

from pointsman.cli.options import BusSettings, Json, OwnerSettings
from pointsman.runtime.terminal import screen


async def adopt(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which topics have changed.")] = False,
    as_json: Json = False,
    bus: BusSettings,
    owner: OwnerSettings,
) -> None:
    """Start a new chapter of the record for each topic that was recreated or replaced.

    A topic that was deleted and created again, or is now another cluster's, starts at offset 0 again. The
    audit does not read it until it is adopted; then it is stored as the topic NAME#2 (then #3, ...), beside
    the earlier one. The audit need not be restarted.
    """
    from pointsman.bus.admin.topic_ids import topic_ids_of
    from pointsman.store.append.chapters import adopt as adopt_topics
    from pointsman.store.append.chapters import changed, stored_topic

    pattern = re.compile(bus.topics.pattern)
    ids = {topic: topic_id for topic, topic_id in (await topic_ids_of(bus)).items() if pattern.match(topic)}
    begun = await (changed if dry_run else adopt_topics)(owner.owner_dsn, ids)
    listed = [
        {
            "topic": topic,
            "chapter": number,
            "topic_id": str(ids[topic].topic),
            "cluster": ids[topic].cluster,
        }
        for topic, number in begun.items()
    ]
    doing = "would begin" if dry_run else "begins"
    lines = [
        f"{topic}: chapter {number} {doing}, stored as {stored_topic(topic, number)}"
        for topic, number in begun.items()
    ]
    screen.report(listed, *(lines or ["every topic is the one that was audited before"]), as_json=as_json)
