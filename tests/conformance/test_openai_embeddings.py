"""Embeddings requested through the gateway are the same as those requested from the provider."""

from typing import Any

import openai
import pytest

from pointsman.gateway.errors import ApiError
from pointsman.gateway.routes.embeddings import MOST_INPUTS, to_chat
from pointsman.worker.calls.answer import Answer, Reject
from pointsman.worker.calls.call_context import targets_of
from pointsman.worker.providers_file import Providers
from pointsman_schemas.jobs import ChatRequest
from pointsman_schemas.outcomes import JobCompleted, JobFailed
from pointsman_schemas.reasons import FailReason
from tests.conformance.test_openai_chat import KEY, by_us, told
from tests.support.worker.routed_jobs import outcome
from tests.support.worker.tiny_provider import http, tiny_provider
from tests.support.worker.working import Worker, in_turn, working

MODEL = "text-embedding-3-small"
ROW = {"format": "openai-embeddings"}
INPUTS: list[Any] = [
    "Größe? \N{GRINNING FACE}",
    ["one", "two"],
    [1, 2, 3],
    [[1, 2], [3]],
]


def vectors(count: int) -> dict[str, Any]:
    """The provider's answer for this many inputs."""
    data = [{"object": "embedding", "index": place, "embedding": "AACAPwAAAAA="} for place in range(count)]
    usage = {"prompt_tokens": 7, "total_tokens": 7}
    return {"object": "list", "data": data, "model": MODEL, "usage": usage}


async def by_the_sdk(url: str, **asked: Any) -> openai.types.CreateEmbeddingResponse:
    http_client = openai.DefaultAioHttpClient(trust_env=False)
    async with openai.AsyncOpenAI(
        api_key=KEY, base_url=url, max_retries=0, http_client=http_client
    ) as client:
        client.organization = client.project = None
        return await client.embeddings.create(model=MODEL, **asked)


@pytest.mark.parametrize("input_", INPUTS, ids=["a text", "texts", "tokens", "lists of tokens"])
async def test_the_sdks_request_reaches_the_provider_unchanged(input_: Any) -> None:
    is_one = not isinstance(input_, list) or isinstance(input_[0], int)
    answered = vectors(1 if is_one else len(input_))
    async with tiny_provider(in_turn(http(body=answered))) as tiny:
        direct = await by_the_sdk(tiny.base_url, input=input_, dimensions=2, user="u")
        theirs = tiny.asked[0]
        job = ChatRequest.model_validate(to_chat(theirs.json))
        answer = await by_us(tiny.base_url, job.model_dump(mode="json", exclude_unset=True), **ROW)
    ours = tiny.asked[1]
    line, headers, body = told(theirs)
    if is_one:
        body["input"] = [body["input"]]  # one input is a list of one
    assert told(ours) == (line, headers, body)
    assert direct.data[0].embedding == [1.0, 0.0]
    assert isinstance(answer, Answer)
    assert answer.response == answered
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.model) == (7, 0, MODEL)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        {"object": "list", "data": [], "model": MODEL},
        {"error": {"message": "no", "type": "x"}},
        [1],
        {"data": ["x", None]},
        {"data": [{"index": 0}]},
        {"data": [{"index": 0, "embedding": []}]},
        {"data": [{"index": 0, "embedding": [None]}]},
        b'{"data": [{"index": 0, "embedding": [NaN]}]}',
        {"data": [{"index": 1, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}]},
        {"data": [{"index": 0, "embedding": [True]}]},
    ],
    ids=[
        "no JSON",
        "nothing in it",
        "an error",
        "no object",
        "no members",
        "no vector",
        "an empty one",
        "null",
        "no number",
        "out of order",
        "a truth",
    ],
)
async def test_an_answer_without_embeddings_fails(body: object) -> None:
    async with tiny_provider(in_turn(http(body=body))) as tiny:
        result = await by_us(
            tiny.base_url, {"model": MODEL, **to_chat({"input": "x", "model": MODEL})}, **ROW
        )
    assert not isinstance(result, Answer)


async def test_a_job_for_the_other_kind_of_tier_is_refused_before_it_is_paid_for() -> None:
    chat = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
    async with tiny_provider(in_turn(http())) as tiny:
        for request, row in ((chat, ROW), (to_chat({"input": "x", "model": MODEL}), {})):
            refused = await by_us(tiny.base_url, request, **row)
            assert isinstance(refused, Reject)
            assert (refused.reason, refused.unbilled) == (FailReason.BAD_REQUEST, True)
    assert not tiny.asked


async def test_a_tier_asks_the_model_for_embeddings_for_them_and_its_own_for_conversations() -> None:
    async with tiny_provider(in_turn(http(body=vectors(1)), http(), http(500))) as tiny:
        tier = {"provider": "tiny", "model": "gpt-4.1-nano", "embeddings": MODEL}
        file = {"providers": [{"name": "tiny", "base_url": tiny.base_url}], "tiers": {"small": tier}}
        own, *others = targets_of(Providers.model_validate(file, context={"environ": {}}), "small")
        worker = Worker(own.provider, fallback=others, attempts=1)
        made = outcome(await worker.do(1, **to_chat({"input": "one", "model": MODEL})))
        talked, failed = outcome(await worker.do(2)), outcome(await worker.do(3))
        for target in (own, *others):
            await target.provider.close()
    assert isinstance(made, JobCompleted)
    assert (made.response, made.attempts) == (vectors(1), 1)
    assert isinstance(talked, JobCompleted)
    assert isinstance(failed, JobFailed)
    assert failed.reason is FailReason.SERVER_ERROR  # the other model was not asked for a conversation
    assert [(asked.line.split()[1], asked.json["model"]) for asked in tiny.asked] == [
        ("/v1/embeddings", MODEL),
        *[("/v1/chat/completions", "gpt-4.1-nano")] * 2,
    ]


async def test_one_vector_for_two_inputs_fails() -> None:
    request = to_chat({"input": ["one", "two"], "model": MODEL})
    async with working(in_turn(http(body=vectors(1))), row=ROW, model=MODEL, attempts=2) as (tiny, worker):
        failed = outcome(await worker.do(1, **request))
    assert isinstance(failed, JobFailed)
    assert failed.reason is FailReason.BAD_RESPONSE
    assert "1 embeddings, for 2 inputs" in failed.message
    assert len(tiny.asked) == 2


async def test_a_whole_job_ends_with_its_vectors() -> None:
    request = to_chat({"input": "one", "model": MODEL})
    async with working(in_turn(http(body=vectors(1))), row=ROW, model=MODEL) as (_, worker):
        done = outcome(await worker.do(1, **request))
    assert isinstance(done, JobCompleted)
    assert done.response == vectors(1)
    assert done.cost_usd is not None
    assert 0 < done.cost_usd < 1
    async with working(in_turn(http()), model="gpt-4.1-nano") as (tiny, worker):
        failed = outcome(await worker.do(1, **request))
    assert isinstance(failed, JobFailed)
    assert not tiny.asked


@pytest.mark.parametrize(
    ("input_", "param"),
    [
        (None, "input[0]"),
        ("", "input[0]"),
        ([], "input"),
        (["a", ""], "input[1]"),
        (["a", [1, "b"]], "input[1]"),
        ([True], "input[0]"),
        ({"a": 1}, "input[0]"),
        (["x"] * (MOST_INPUTS + 1), "input"),
    ],
    ids=["none", "empty", "no members", "an empty one", "mixed", "a truth", "an object", "too many"],
)
def test_invalid_inputs_are_refused(input_: Any, param: str) -> None:
    with pytest.raises(ApiError) as refused:
        to_chat({"input": input_, "model": MODEL})
    assert (refused.value.status, refused.value.param) == (400, param)
