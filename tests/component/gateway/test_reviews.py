"""Reviews over HTTP: three decisions, a double click, somebody else, and a foreign signature."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio

from pointsman.bus.codec.records import Outgoing
from pointsman.bus.read.follow import follow
from pointsman.dev.ports import LOOPBACK, free_port
from pointsman.dev.services.processes import Process, stop, wait_ready
from pointsman.identity.api_key import ApiKeyText
from pointsman.identity.keys import PrivateKey
from pointsman.identity.signature import signature_header
from pointsman.runtime.clock import utc_now
from pointsman_schemas.base import format_time
from pointsman_schemas.outcomes import JobCompleted, JobRejected
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.gateway.alone import apply_policy
from tests.support.review.cases import edited, job_id, request
from tests.support.review.crowd import request_record
from tests.support.review.driven import decoded
from tests.support.review.service import publish, review_services
from tests.support.running.servers import Servers

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]
EXAMPLE = re.search(
    r"```python\n(.*?)```", (Path(__file__).parents[3] / "docs" / "review.md").read_text("utf-8"), re.DOTALL
)
IDS = [str(job_id(number)) for number in range(6)]


@dataclass
class Person:
    """A reviewer who uses HTTP and signs."""

    id: str
    entry: str
    api_key: ApiKeyText = field(default_factory=ApiKeyText.make)
    key: PrivateKey = field(default_factory=PrivateKey.generate)

    @property
    def listed(self) -> str:
        """The person's entry in agents.yaml."""
        keys = f"api_keys: [{{id: {self.api_key.id}, sha256: {self.api_key.sha256}}}]"
        return f"{{id: {self.id}, {self.entry}, {keys}, public_keys: ['{self.key.public.text}']}}"


@dataclass
class Reviews:
    """The API as reviewers use it."""

    url: str
    kafka: Kafka
    client: httpx2.AsyncClient

    @property
    def topic(self) -> str:
        return Topics(self.kafka.prefix).reviews_decided.name

    async def outcomes(self) -> list[Any]:
        """The outcomes of all jobs so far."""
        topic = Topics(self.kafka.prefix).results.name
        records = follow(self.kafka.settings, [topic], start="beginning", until_end=True)
        return [
            decoded(Outgoing(record.topic, record.key, record.value, list(record.headers)))
            async for record in records
        ]

    async def get(self, person: Person | None, path: str = "", **query: str | int) -> httpx2.Response:
        return await self.client.get(f"{self.url}/v1/reviews{path}", params=query, headers=_bearer(person))

    async def post(
        self,
        person: Person,
        job: str,
        action: str,
        revision: int,
        *,
        key: PrivateKey | None = None,
        **more: Any,
    ) -> httpx2.Response:
        """Sends a command. `key`: sign with another key; `more` may change fields such as `by`."""
        body = {"job_id": job, "by": person.id, "revision": revision, **more}
        return await self.send(person, job, action, json.dumps(body).encode(), key or person.key)

    async def decide(
        self, person: Person, job: str, choice: str, revision: int, **more: Any
    ) -> httpx2.Response:
        seen = (await self.get(person, f"/{job}")).json()["seen"]
        return await self.post(person, job, choice, revision, choice=choice, seen=seen, **more)

    async def send(
        self, person: Person, job: str, action: str, value: bytes, key: PrivateKey
    ) -> httpx2.Response:
        named = [("ce_id", str(uuid4()).encode()), ("ce_time", format_time(utc_now()).encode())]
        named.append(signature_header(key, self.topic, named, value))
        headers = {name.replace("_", "-"): text.decode() for name, text in named} | _bearer(person)
        return await self.client.post(f"{self.url}/v1/reviews/{job}/{action}", content=value, headers=headers)


def _bearer(person: Person | None) -> dict[str, str]:
    return {} if person is None else {"authorization": f"Bearer {person.api_key.text}"}


ANA, BEN = (
    Person("ana", "owner: reviewers, reviews: legal"),
    Person("ben", "owner: reviewers, reviews: legal"),
)
EVA, APP = Person("eva", "owner: reviewers, reviews: board"), Person("app", "owner: care")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reviews(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reviews]:
    """Six waiting cases."""
    kafka = Kafka(stack.bootstrap, f"t{uuid4().hex[:8]}")
    folder, topics, port = tmp_path_factory.mktemp("reviews"), Topics(kafka.prefix), free_port()
    environment = {
        "POINTSMAN_KAFKA": kafka.bootstrap,
        "POINTSMAN_PREFIX": kafka.prefix,
        "POINTSMAN_GATEWAY_AGENT": "app",
        "POINTSMAN_HTTP_HOST": LOOPBACK,
        "POINTSMAN_HTTP_PORT": str(port),
        "POINTSMAN_GRACE_S": "1",
    }
    url = f"http://{LOOPBACK}:{port}"
    gateway = Process("gateway", ["run", "gateway"], environment, folder / "gateway.log", url)
    people = [person.listed for person in (ANA, BEN, EVA, APP)]
    async with review_services(kafka.settings, folder, people), httpx2.AsyncClient(timeout=60) as client:
        requests = [request(number, deadline_s=3600 + number) for number in range(len(IDS))]
        await publish(kafka.settings, [request_record(topics, requested) for requested in requests])
        await apply_policy(kafka.settings, topics)
        gateway.start()
        try:
            await asyncio.to_thread(wait_ready, [gateway])
            made = Reviews(url, kafka, client)
            async with asyncio.timeout(30):
                while len((await made.get(ANA)).json()["data"]) < len(IDS):
                    pass
            yield made
        finally:
            stop([gateway])


def refused(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def test_three_cases_are_decided(reviews: Reviews, tmp_path: Path) -> None:
    approve, edit, reject = IDS[:3]
    listed = (await reviews.get(ANA, queue="legal", state="open")).json()
    assert [case["job_id"] for case in listed["data"]][:3] == IDS[:3] and listed["has_more"] is False
    details = (await reviews.get(ANA, f"/{approve}")).json()
    assert details["request"]["job"]["job_id"] == approve and details["topic"] == reviews.topic

    (tmp_path / "ana.pem").write_text(ANA.key.pem)
    assert EXAMPLE is not None
    example = await asyncio.create_subprocess_exec(
        sys.executable, "-c", EXAMPLE[1], stdout=asyncio.subprocess.PIPE, env={
            **os.environ, "POINTSMAN_GATEWAY": reviews.url, "POINTSMAN_AGENT": ANA.id,
            "POINTSMAN_API_KEY": ANA.api_key.text, "POINTSMAN_KEY_FILE": str(tmp_path / "ana.pem"),
        },
    )  # fmt: skip
    out, _ = await example.communicate()
    assert (example.returncode, out) == (0, b"approved: the outcome is written\n")
    ended = (await reviews.get(ANA, f"/{approve}")).json()
    assert (ended["case"]["status"], ended["request"]) == ("approved", None), "who was told so sees it"

    for job, choice, more in ((edit, "edit", {"response": edited()}), (reject, "reject", {})):
        claimed = await reviews.post(ANA, job, "claim", 1)
        assert (claimed.status_code, claimed.json()["status"]) == (200, "claimed")
        decided = await reviews.decide(ANA, job, choice, 2, reason="no basis", **more)
        assert decided.status_code == 200, decided.text

    outcomes = {str(outcome.job_id): outcome for outcome in await reviews.outcomes()}
    assert outcomes[approve].response == details["request"]["proposed"]["response"]
    assert isinstance(outcomes[edit], JobCompleted) and outcomes[edit].response == edited()
    assert isinstance(outcomes[reject], JobRejected) and "ana did not approve" in outcomes[reject].message


async def test_refusals_have_a_reason_and_a_status(reviews: Reviews) -> None:
    job, other = IDS[3], IDS[4]
    assert refused(await reviews.get(None)) == (401, "missing_api_key"), (
        "the agent of a first try is nobody here"
    )
    stranger = Person("ana", "")
    assert refused(await reviews.get(stranger)) == (401, "invalid_api_key")
    assert refused(await reviews.get(APP)) == (403, "not_a_reviewer")
    assert (await reviews.get(EVA)).json()["data"] == [], "of her queue alone"
    assert refused(await reviews.get(EVA, f"/{job}")) == (403, "not_a_reviewer")
    assert refused(await reviews.post(EVA, job, "claim", 1)) == (403, "not_a_reviewer")
    assert refused(await reviews.get(ANA, f"/{uuid4()}")) == (404, "unknown_case")
    assert refused(await reviews.get(ANA, "/JOB")) == (404, "unknown_case")
    assert refused(await reviews.post(ANA, job, "keep", 1)) == (404, "not_found")

    assert refused(await reviews.post(ANA, job, "claim", 1, by="ben")) == (403, "not_you")
    assert refused(await reviews.post(ANA, job, "claim", 1, key=BEN.key)) == (401, "signature")
    unsigned = {"job_id": job, "by": ANA.id, "revision": 1}
    bare = await reviews.client.post(
        f"{reviews.url}/v1/reviews/{job}/claim", json=unsigned, headers=_bearer(ANA)
    )
    assert refused(bare) == (401, "signature")
    assert refused(await reviews.post(ANA, job, "claim", 0)) == (422, "invalid_command")
    assert refused(await reviews.post(ANA, job, "claim", 1, job_id=other)) == (422, "invalid_command")
    assert refused(await reviews.send(ANA, job, "claim", b"[]", ANA.key)) == (400, "not_an_object")
    assert (await reviews.get(ANA, f"/{job}")).json()["case"]["revision"] == 1, "nothing was done"

    assert (await reviews.post(ANA, job, "claim", 1)).status_code == 200
    assert refused(await reviews.post(BEN, job, "claim", 2)) == (409, "claimed_by_other")
    assert refused(await reviews.decide(BEN, job, "approve", 2)) == (409, "claimed_by_other")
    assert refused(await reviews.decide(ANA, job, "reject", 2)) == (422, "reason_missing")
    assert refused(await reviews.decide(ANA, job, "send", 2, tier="huge", reason="x")) == (
        422,
        "impossible_choice",
    )
    assert refused(await reviews.decide(ANA, job, "approve", 1)) == (409, "stale_revision")
    mixed = await reviews.post(ANA, job, "approve", 2, choice="reject", seen="0" * 64, reason="x")
    assert refused(mixed) == (422, "invalid_command")
    assert refused(await reviews.decide(ANA, other, "approve", 1)) == (409, "not_claimed")
    assert (await reviews.post(ANA, job, "release", 2)).json()["status"] == "open"


async def test_the_second_of_a_double_click_is_refused(reviews: Reviews) -> None:
    job = IDS[5]
    assert (await reviews.post(ANA, job, "claim", 1)).status_code == 200
    seen = (await reviews.get(ANA, f"/{job}")).json()["seen"]
    value = json.dumps(
        {"job_id": job, "by": "ana", "revision": 2, "choice": "approve", "seen": seen}
    ).encode()
    named = [("ce_id", str(uuid4()).encode()), ("ce_time", format_time(utc_now()).encode())]
    named.append(signature_header(ANA.key, reviews.topic, named, value))
    headers = {name.replace("_", "-"): text.decode() for name, text in named} | _bearer(ANA)
    url = f"{reviews.url}/v1/reviews/{job}/approve"
    clicks = [reviews.client.post(url, content=value, headers=headers) for _ in range(2)]
    answers = await asyncio.gather(*clicks)
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert refused(await reviews.client.post(url, content=value, headers=headers))[0] == 409
    assert len([outcome for outcome in await reviews.outcomes() if str(outcome.job_id) == job]) == 1


async def test_the_list_is_paginated(reviews: Reviews) -> None:
    listed, cursor = [], ""
    while True:
        page = (await reviews.get(ANA, state="all", limit=4, cursor=cursor)).json()
        listed += [case["job_id"] for case in page["data"]]
        if not page["has_more"]:
            break
        cursor = page["next_cursor"]
    assert listed == IDS
    for query in ({"state": "asleep"}, {"limit": 0}, {"limit": 201}, {"cursor": "x"}):
        assert refused(await reviews.get(ANA, **query)) == (400, "invalid_value")
    routes = (await reviews.client.get(f"{reviews.url}/openapi.json")).json()["paths"]
    assert {"/v1/reviews", "/v1/reviews/{job_id}", "/v1/reviews/{job_id}/{action}"} <= routes.keys()
