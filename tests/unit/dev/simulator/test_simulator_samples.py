"""All sample jobs can be published, and the simulated provider has an answer to each."""

from collections import Counter
from typing import Any
from uuid import uuid4

import jsonschema
import orjson
import pytest

from pointsman.bus.codec.intake import as_submitted
from pointsman.dev import samples
from pointsman.dev.simulator.app import canned
from pointsman.dev.simulator.faults import Faults
from pointsman.dev.simulator.provider import SimulatedProvider
from pointsman.dev.simulator.settings import SimulatorSettings
from pointsman_schemas.jobs import JobSubmitted

JOBS = samples.load()
KINDS = {
    "math-tutor": {"math"},
    "chat-desk": {"chat", "reasoning", "writing"},
    "data-analyst": {"code", "extract", "sql"},
    "contract-reviewer": {"contract"},
    "invoice-reader": {"extract"},
    "support-desk": {"classify", "support", "translate"},
    "report-writer": {"summarize", "translate", "writing"},
}
OURS = {"agent_id", "kind", "tier", "metadata", "prompt"}


def name(job: dict[str, Any]) -> str:
    sample: str = job["metadata"]["sample"]
    return sample


def test_agents_keep_to_their_kinds_and_sources_are_counted() -> None:
    for job in JOBS:
        assert job["kind"] in KINDS[job["agent_id"]]
    assert {(job["agent_id"], job["kind"]) for job in JOBS} == {
        (a, k) for a, kinds in KINDS.items() for k in kinds
    }
    assert Counter(job["metadata"]["source"] for job in JOBS) == {"gsm8k": 20, "mt_bench": 15, "office": 29}
    assert len({name(job) for job in JOBS}) == len(JOBS)
    assert {job.get("tier") for job in JOBS} == {None, "small", "medium", "frontier"}


@pytest.mark.parametrize("job", JOBS, ids=name)
def test_each_is_a_job_as_a_stranger_publishes_it(job: dict[str, Any]) -> None:
    assert ("prompt" in job) != ("messages" in job)
    assert not {"id", "job_id", "deadline", "model", "request"} & set(job)
    assert all(isinstance(value, str) for value in job["metadata"].values())
    submitted = JobSubmitted.model_validate({**as_submitted(job), "job_id": str(uuid4())})
    assert submitted.request.messages[-1].role == "user"


@pytest.mark.parametrize("job", JOBS, ids=name)
def test_each_gets_its_own_answer_in_the_shape_it_asks_for(job: dict[str, Any]) -> None:
    request = {key: value for key, value in job.items() if key not in OURS}
    request.setdefault("messages", [{"role": "user", "content": job.get("prompt")}])
    provider = SimulatedProvider(SimulatorSettings(), Faults([]), canned())
    body = orjson.dumps(request | {"model": "gpt-4.1-nano"})
    reply = provider.answer({b"authorization": b"Bearer k"}, body, call_id="1", now=0)
    choice = orjson.loads(b"".join(reply.pieces))["choices"][0]
    known = samples.answers()[name(job)]
    if "tools" in job:
        (call,) = choice["message"]["tool_calls"]
        arguments = orjson.loads(call["function"]["arguments"])
        assert arguments == known
        jsonschema.validate(arguments, job["tools"][0]["function"]["parameters"])
    elif isinstance(known, dict):
        content = orjson.loads(choice["message"]["content"])
        assert content == known
        jsonschema.validate(content, job["response_format"].get("json_schema", {}).get("schema", {}))
    else:
        assert choice["message"]["content"] == known
    assert choice["finish_reason"] in ("stop", "tool_calls")


def test_long_short_and_foreign_ones_are_there() -> None:
    sizes = [len(orjson.dumps(job)) for job in JOBS]
    assert min(sizes) < 300
    assert sum(2_000 < size < 6_500 for size in sizes) >= 4
    assert {job["metadata"].get("language", "en") for job in JOBS} == {"en", "de", "fr", "es"}
