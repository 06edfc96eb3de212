"""Builds the gateway: HTTP in front, the intake and the outcomes behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pointsman.bus.codec.records import Incoming
from pointsman.bus.host import Service
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.commands import MessageListener, TopicListener
from pointsman.claims.opened import closed_after, open_claim_check, open_store
from pointsman.client.outcomes import duplicate_in
from pointsman.gateway.access_log import logged
from pointsman.gateway.asking.caller import Callers
from pointsman.gateway.asking.model_names import ModelNames
from pointsman.gateway.asking.taken import TakenRequests
from pointsman.gateway.batches.board import BatchBoard
from pointsman.gateway.batches.runner import BatchRunner
from pointsman.gateway.door import Door
from pointsman.gateway.replies import JobReplies
from pointsman.gateway.reviews.board import ReviewBoard
from pointsman.gateway.settings import GatewaySettings
from pointsman.gateway.submitter import JobSubmitter
from pointsman.gateway.waiting.queue_watch import QueueWatch
from pointsman.gateway.web import web_app
from pointsman.gateway.webhooks.file import WebhooksFile, load
from pointsman.gateway.webhooks.notices import Webhooks
from pointsman.identity.keys import PrivateKey
from pointsman.registry.follow import followed_registry
from pointsman.registry.in_force import RegistryInForce
from pointsman.runtime.clock import Clock, utc_now
from pointsman.runtime.telemetry.otlp import SpanExporter
from pointsman_schemas.control.policies import PolicyApplied

#: The part of the grace time that is kept for telling waiting clients about the shutdown, in seconds.
_TELL_S = 1.0


def build(settings: GatewaySettings, *, clock: Clock = utc_now) -> Service:
    """Build the gateway.

    Raises:
        ClaimsSettingError: the address of the store of large values is invalid.
        KeyUnreadableError, OSError: the gateway's key file cannot be read or holds no key.
        FileError: the webhooks file is invalid.
    """
    topics, in_force, names = settings.topics, RegistryInForce(), ModelNames()
    claim_check = open_claim_check(settings)
    publisher = Publisher(settings)
    replies = JobReplies(settings, settings.group, topics, claim_check, clock)
    key_file = settings.gateway_key_file
    key = None if key_file is None else PrivateKey.parse(key_file.read_text())
    watch = QueueWatch(settings, topics, replies, lambda: names.tiers)
    jobs = JobSubmitter(
        settings,
        replies,
        publisher,
        queues=watch.queues,
        taken=TakenRequests(settings, topics, clock),
        claim_check=claim_check,
        key=key,
        clock=clock,
    )
    reviews = ReviewBoard(settings, topics, publisher)
    file = settings.gateway_webhooks
    webhooks = Webhooks(WebhooksFile() if file is None else load(file), clock)
    batches = BatchBoard(settings, topics, publisher, clock)
    files = open_store(settings.claims) if settings.claims else None
    runner = BatchRunner(
        settings, batches, jobs=jobs, models=names, reader=replies.reader, store=files, clock=clock
    )
    callers = Callers(in_force, settings.gateway_agent)
    door = Door(settings, callers, names, jobs, clock, reviews, webhooks, batches, files)

    def hear_letter(record: Incoming) -> None:
        if (job_id := duplicate_in(record)) is not None:
            replies.look_back(job_id)

    spans = SpanExporter("pointsman-gateway")
    policies = MessageListener(
        settings, topics.policy, (PolicyApplied,), lambda policy, _: names.hear(policy)
    )

    @asynccontextmanager
    async def resources() -> AsyncIterator[None]:
        await policies.catch_up()  # an outdated policy has other names and tiers
        await batches.caught_up()  # so that no batch that has ended is run again
        async with (
            followed_registry(settings, topics, in_force, settings.registry_people),
            policies.running(),
            publisher,
            spans.running(),
            reviews.running(),
            webhooks.running(),
            replies.swept(),
            watch.running(),
            batches.running(),
            runner.running(),
            closed_after(files),
            TopicListener(settings, [topics.dead], hear_letter, start="end").running(),
            closed_after(claim_check),
        ):
            yield
            await jobs.close()
            await replies.close()

    def drain() -> None:
        door.is_draining = True
        asyncio.get_running_loop().call_later(max(0.0, settings.grace_s - _TELL_S), close)

    def close() -> None:
        door.close()
        replies.wake()

    return Service(
        name="gateway",
        settings=settings,
        topics=[topic.name for topic in topics.of("gateway")],
        run=replies.reader.run,
        stop=replies.reader.stop,
        not_ready=lambda: in_force.problem or policies.problem or names.problem or replies.reader.problem,
        resources=resources,
        web=logged(web_app(door), spans.send),
        drain=drain,
    )
