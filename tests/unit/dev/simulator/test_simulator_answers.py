"""The simulated provider's answers depend only on the request, and have the requested format."""

import os
import subprocess
import sys
from decimal import Decimal
from math import log
from typing import Any

import orjson
import pytest
from genai_prices import Usage, calc_price
from openai.types.chat import ChatCompletion

from pointsman.dev.simulator.answering.models import BY_NAME, MODELS
from pointsman.dev.simulator.answering.tokens import count, split
from pointsman.dev.simulator.app import canned
from pointsman.dev.simulator.faults import Faults
from pointsman.dev.simulator.provider import SimulatedProvider
from pointsman.dev.simulator.settings import SimulatorSettings

KEY = {b"authorization": b"Bearer anything"}
ASK = {"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "Name three rivers in JSON."}]}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Oslo", "Bern"]}},
            "required": ["city"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock"}}


@pytest.fixture(scope="module")
def provider() -> SimulatedProvider:
    return SimulatedProvider(SimulatorSettings(), Faults([]), canned())


def ask(provider: SimulatedProvider, request: dict[str, Any]) -> dict[str, Any]:
    reply = provider.answer(KEY, orjson.dumps(request), call_id="1", now=1_700_000_000)
    assert reply.status == 200, reply.pieces
    answer: dict[str, Any] = orjson.loads(b"".join(reply.pieces))
    return answer


def test_a_plain_answer_is_what_the_sdk_expects(provider: SimulatedProvider) -> None:
    answer = ask(provider, ASK)
    ChatCompletion.model_validate(answer)
    assert answer["model"] == "gpt-4.1-mini-2025-04-14"
    assert answer["created"] == 1_700_000_000
    assert answer["system_fingerprint"].startswith("fp_")
    assert answer["choices"][0]["finish_reason"] == "stop"
    usage = answer["usage"]
    assert usage["prompt_tokens"] == count("Name three rivers in JSON.") == 7
    assert usage["completion_tokens"] == count(answer["choices"][0]["message"]["content"])
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_another_process_with_another_hash_seed_gives_the_same_bytes(provider: SimulatedProvider) -> None:
    code = (
        "import sys; from pointsman.dev.simulator.app import *;"
        "p = SimulatedProvider(SimulatorSettings(), Faults([]), {});"
        "key = {b'authorization': b'Bearer k'};"
        "r = p.answer(key, sys.stdin.buffer.read(), call_id='1', now=1_700_000_000);"
        "sys.stdout.write(f'{r.delay_s!r} '); sys.stdout.flush();"
        "sys.stdout.buffer.write(b''.join(r.pieces))"
    )
    request = orjson.dumps(ASK | {"logprobs": True, "n": 2})
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            input=request,
            capture_output=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    here = provider.answer(KEY, request, call_id="1", now=1_700_000_000)
    assert outputs == {f"{here.delay_s!r} ".encode() + b"".join(here.pieces)}


def test_key_order_and_parameters_that_do_not_matter_leave_the_answer_alone(
    provider: SimulatedProvider,
) -> None:
    turned = {"temperature": 0.3, "messages": [{"content": "Name three rivers in JSON.", "role": "user"}]}
    assert (
        ask(provider, turned | {"model": "gpt-4.1-mini", "brand_new": 1})["choices"]
        == (ask(provider, ASK)["choices"])
    )


def test_models_prompts_and_seeds_change_the_answer(provider: SimulatedProvider) -> None:
    answers = {
        ask(provider, ASK | change)["choices"][0]["message"]["content"]
        for change in (
            {},
            {"model": "gpt-4.1"},
            {"seed": 1},
            {"messages": [{"role": "user", "content": "Another question."}]},
        )
    }
    assert len(answers) == 4


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.tier)
def test_every_model_has_a_price_under_both_names(model: Any) -> None:
    for name in (model.name, model.snapshot):
        price = calc_price(Usage(input_tokens=1000, output_tokens=1000), model_ref=name, provider_id="openai")
        assert price.total_price > Decimal(0)
    assert BY_NAME[model.name] is BY_NAME[model.snapshot]


def test_dearer_tiers_cost_more() -> None:
    prices = [
        calc_price(
            Usage(input_tokens=1000, output_tokens=1000), model_ref=m.name, provider_id="openai"
        ).total_price
        for m in MODELS
    ]
    assert prices == sorted(prices)
    assert [m.tier for m in MODELS] == ["small", "medium", "frontier"]


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_limits_cut_the_answer(provider: SimulatedProvider, limit: str) -> None:
    answer = ask(provider, ASK | {limit: 3})
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 3
    assert len(answer["choices"][0]["message"]["content"]) == 12


def test_stop_ends_the_answer_before_the_mark(provider: SimulatedProvider) -> None:
    whole = ask(provider, ASK)["choices"][0]["message"]["content"]
    cut = ask(provider, ASK | {"stop": [whole[20:24]]})["choices"][0]
    assert cut["message"]["content"] == whole[: whole.index(whole[20:24])]
    assert cut["finish_reason"] == "stop"


def test_n_gives_different_choices_that_are_all_paid_for(provider: SimulatedProvider) -> None:
    answer = ask(provider, ASK | {"n": 3})
    texts = [choice["message"]["content"] for choice in answer["choices"]]
    assert len(set(texts)) == 3
    assert answer["usage"]["completion_tokens"] == sum(map(count, texts))


def test_logprobs_cover_the_text_token_by_token(provider: SimulatedProvider) -> None:
    choice = ask(provider, ASK | {"logprobs": True, "top_logprobs": 2})["choices"][0]
    entries = choice["logprobs"]["content"]
    assert [entry["token"] for entry in entries] == split(choice["message"]["content"])
    assert all(entry["logprob"] <= 0 for entry in entries)
    assert all(bytes(entry["bytes"]).decode() == entry["token"] for entry in entries)
    assert all(entry["top_logprobs"][0]["logprob"] == entry["logprob"] for entry in entries)
    assert {len(entry["top_logprobs"]) for entry in entries} == {2}
    assert ask(provider, ASK)["choices"][0]["logprobs"] is None


def test_json_object_is_json(provider: SimulatedProvider) -> None:
    answer = ask(provider, ASK | {"response_format": {"type": "json_object"}})
    assert isinstance(orjson.loads(answer["choices"][0]["message"]["content"]), dict)


@pytest.mark.parametrize(
    ("prompt", "choice", "called", "finish"),
    [
        ("How is it outside?", None, [], "stop"),
        ("How is it outside? [tool:weather]", None, ["weather"], "tool_calls"),
        ("[tool:weather] and [tool:clock]", "auto", ["weather", "clock"], "tool_calls"),
        ("[tool:weather]", "none", [], "stop"),
        ("[tool:unknown]", None, [], "stop"),
        ("How is it outside?", "required", ["weather"], "tool_calls"),
        ("[tool:clock]", "required", ["clock"], "tool_calls"),
        ("How is it?", {"type": "function", "function": {"name": "clock"}}, ["clock"], "stop"),
    ],
)
def test_tools_are_called_when_asked_for(
    provider: SimulatedProvider, prompt: str, choice: Any, called: list[str], finish: str
) -> None:
    request = ASK | {"messages": [{"role": "user", "content": prompt}], "tools": [WEATHER, CLOCK]}
    answer = ask(provider, request | ({} if choice is None else {"tool_choice": choice}))
    ChatCompletion.model_validate(answer)
    first_choice = answer["choices"][0]
    calls = first_choice["message"].get("tool_calls", [])
    assert [call["function"]["name"] for call in calls] == called
    assert first_choice["finish_reason"] == finish
    assert (first_choice["message"]["content"] is None) == bool(called)
    assert len({call["id"] for call in calls}) == len(calls)
    for call in calls:
        arguments = orjson.loads(call["function"]["arguments"])
        assert call["function"]["name"] == "clock" or arguments["city"] in ("Oslo", "Bern")


def test_parallel_tool_calls_can_be_switched_off(provider: SimulatedProvider) -> None:
    request = ASK | {"messages": [{"role": "user", "content": "[tool:clock] [tool:weather]"}]}
    answer = ask(provider, request | {"tools": [WEATHER, CLOCK], "parallel_tool_calls": False})
    assert len(answer["choices"][0]["message"]["tool_calls"]) == 1


def test_a_tools_result_is_answered_with_text(provider: SimulatedProvider) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    conversation = [
        {"role": "user", "content": "[tool:weather]"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "4 degrees"},
    ]
    answer = ask(provider, ASK | {"messages": conversation, "tools": [WEATHER]})
    assert answer["choices"][0]["message"]["content"]


def test_unknown_parameters_are_echoed_nowhere(provider: SimulatedProvider) -> None:
    answer = ask(provider, ASK | {"secret_knob": "xyzzy", "metadata": {"note": "xyzzy"}, "user": "xyzzy"})
    assert b"xyzzy" not in orjson.dumps(answer)


def test_a_question_may_say_what_each_tier_answers(provider: SimulatedProvider) -> None:
    asked = [{"role": "user", "content": "How many? [say small:41][say:42]"}]
    answers = [
        ask(provider, {"model": model.name, "messages": asked})["choices"][0]["message"]["content"]
        for model in MODELS
    ]
    assert answers == ["41", "42", "42"]


def test_a_question_may_say_how_sure_a_tier_is(provider: SimulatedProvider) -> None:
    request = {
        "logprobs": True,
        "messages": [{"role": "user", "content": "How many? [say:42][sure gpt-4.1-nano:0.25]"}],
    }
    logprobs = {
        model.tier: ask(provider, {"model": model.name, **request})["choices"][0]["logprobs"]["content"]
        for model in MODELS
    }
    assert [entry["logprob"] for entry in logprobs["small"]] == [round(log(0.25), 6)]
    assert logprobs["medium"][0]["logprob"] > log(0.7)
