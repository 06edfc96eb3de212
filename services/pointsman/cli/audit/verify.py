"""`pointsman audit verify`: check that the record is complete and unchanged."""

import re
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pointsman.cli.command import SettingsOf
from pointsman.cli.options import Json, Kafka, Postgres, Prefix
from pointsman.runtime.terminal import screen

if TYPE_CHECKING:
    from pointsman.audit.against_kafka import Comparison
    from pointsman.claims.whole_messages import LargeValues
    from pointsman.cli.settings import VerifySettings
    from pointsman.store.verify.findings import VerifyReport
    from pointsman.store.verify.verify import Scope


#: The addresses of Kafka and Postgres, and the public key.
Verified = Annotated[
    "VerifySettings",
    SettingsOf(
        "pointsman.cli.settings:VerifySettings",
        postgres=Postgres,
        kafka=Kafka,
        prefix=Prefix,
        audit_public_key=Annotated[
            str | None,
            typer.Option(
                "--public-key",
                metavar="KEY",
                envvar="POINTSMAN_AUDIT_PUBLIC_KEY",
                help="The key that checkpoints must be signed by, as `audit key` prints it; or several.",
            ),
        ],
    ),
]


def read_day(text: str) -> date:
    """Parse a day such as 2026-03-01. Raises: typer.BadParameter."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day such as 2026-03-01") from None


async def verify(
    *,
    day: Annotated[
        date | None, typer.Option(parser=read_day, metavar="DAY", help="Only this day (UTC).")
    ] = None,
    job: Annotated[str | None, typer.Option(metavar="JOB", help="Only the rows of this job.")] = None,
    start: Annotated[
        Literal["start", "newest"],
        typer.Option("--from", help="newest: only what came after the newest checkpoint."),
    ] = "start",
    against_kafka: Annotated[
        bool,
        typer.Option("--against-kafka", help="Also compare with every record that the topics still hold."),
    ] = False,
    signatures: Annotated[
        bool,
        typer.Option(
            "--signatures", help="Also verify agents' signatures, by the keys that the registry had then."
        ),
    ] = False,
    as_json: Json = False,
    settings: Verified,
) -> int:
    """Check every row on record against its hash chain, and the chains against the signed checkpoints.

    Exit 1 if anything does not match; the first such row of each lane is named. A day or a job is checked
    from the checkpoint before it to the one after it. docs/audit-integrity.md says what is detected.

    If POINTSMAN_CLAIMS is set, large values are fetched from their store and compared with their digests;
    those for which the router refused the job are counted separately. Checkpoints outside the database are
    read from POINTSMAN_AUDIT_HEADS, and with --against-kafka from Kafka. --signatures names every job that
    was routed without the valid signature that the registry required.
    """
    from pointsman.audit.signatures import check_signatures
    from pointsman.cli.show.integrity import summary

    began = time.monotonic()
    scope = await _scope(settings, day, job, start == "newest")
    report, comparison, large = await _verify(settings, scope, against_kafka)
    signed = None
    if signatures:
        everything = replace(scope, newest=False)
        signed = await check_signatures(
            settings.postgres, settings.topics, everything, settings.registry_people
        )
        report.findings += signed.findings
    seconds = time.monotonic() - began
    result = {
        "whole": report.whole,
        "seconds": seconds,
        "rows_per_second": report.rows / seconds,
        "report": report,
        "kafka": comparison,
        "signatures": signed,
        "large_values": {
            "named": len(large.named),
            "checked": large.checked,
            "refused": sorted(large.refused),
        },
    }
    screen.report(result, summary(report, comparison, large, seconds, signed), as_json=as_json)
    return int(not report.whole)


async def _verify(
    settings: "VerifySettings", scope: "Scope", against_kafka: bool
) -> "tuple[VerifyReport, Comparison | None, LargeValues]":
    from pointsman.audit.heads import open_heads
    from pointsman.claims.opened import closed_after, open_claim_check
    from pointsman.claims.settings import ClaimsPart
    from pointsman.claims.whole_messages import LargeValues
    from pointsman.cli.settings import load
    from pointsman.identity.keys import PublicKey
    from pointsman.store.ask.refused import refused
    from pointsman.store.verify.verify import Progress, verify

    public = PublicKey.parse(settings.audit_public_key) if settings.audit_public_key else None
    heads = open_heads(settings.audit_heads)
    from_heads = [] if heads is None else await heads.all()
    comparison, published = await _compare(settings) if against_kafka else (None, [])
    large = LargeValues()
    with screen.stepped("rows") as (begin, advance):
        report = await verify(
            settings.postgres,
            scope,
            public=public,
            published=[*from_heads, *published],
            progress=Progress(begin, advance, large.take),
        )
    if comparison is not None:
        report.findings += comparison.findings
    claim_check = open_claim_check(load(ClaimsPart))
    if claim_check is not None and large.named:
        async with closed_after(claim_check):
            with screen.progress(len(large.named), "large values") as advance:
                unlike = await large.check(claim_check, advance)
        intake = settings.topics.intake.name
        on_intake = {place: finding for finding in unlike if (place := finding.row) and place[0] == intake}
        large.refused = await refused(settings.postgres, on_intake) if on_intake else set()
        report.findings += [finding for finding in unlike if finding.row not in large.refused]
    return report, comparison, large


async def _scope(settings: "VerifySettings", day: date | None, job: str | None, newest: bool) -> "Scope":
    from pointsman.cli import job_id
    from pointsman.store.ask.jobs import Jobs
    from pointsman.store.verify.verify import Scope

    full_id = None
    if job is not None:
        async with Jobs.opened(settings.postgres) as jobs:
            full_id = await job_id.find(jobs, job)
    return Scope(day=day, job_id=full_id, newest=newest)


async def _compare(settings: "VerifySettings") -> "tuple[Comparison, list[bytes]]":
    from pointsman.audit.against_kafka import AgainstKafka
    from pointsman.bus.read.follow import Follower
    from pointsman.store.verify.digests import open_digests

    topics = settings.topics
    published: list[bytes] = []
    compacted = {topic.name for topic in topics.all([]) if topic.compacted}
    reading = Follower(settings, re.compile(topics.pattern), start="beginning", until_end=True)
    async with open_digests(settings.postgres, settings.master_key) as digests, reading as follower:
        comparing = AgainstKafka(digests, compacted.__contains__)
        with screen.stepped("records on Kafka") as (_, advance):
            while not follower.ended:
                records = await follower.read()
                await comparing.take(records)
                published += [
                    record.value
                    for record in records
                    if record.topic == topics.checkpoints.name and record.value
                ]
                advance(len(records))
    return comparing.result, published
