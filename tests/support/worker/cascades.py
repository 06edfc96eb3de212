"""Cascade plans, and answers to judge."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.cascade.completion import read_completion
from pointsman.cascade.judge import Judged, Spent, Stage, judge
from pointsman_schemas.base import NamedModel
from pointsman_schemas.cascades import CascadePlan, CascadeStep
from pointsman_schemas.jobs import ChatRequest
from tests.support.worker.routed_jobs import NOW

TIERS = ("small", "medium", "frontier")
NAMED = NamedModel(name="test", version="0" * 12, sha256="0" * 64)
ONE_CALL = Spent(1, None)


def plan(accept: str, **fields: Any) -> CascadePlan:
    """A plan over all three tiers."""
    wanted = {"tiers": TIERS, "accept": accept, "on_failure": "up", **fields}
    return CascadePlan.model_validate(wanted)


def response(
    text: str | None, *, finish: str | None = "stop", logprobs: Sequence[object] | None = None, **message: Any
) -> dict[str, Any]:
    """A chat completion with the content `text` and its tokens' log probabilities."""
    token_logprobs = (
        None
        if logprobs is None
        else {"content": [{"token": "x", "logprob": logprob} for logprob in logprobs]}
    )
    return {
        "model": "gpt-4.1-nano-2025-04-14",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": finish,
                "logprobs": token_logprobs,
            }
        ],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 500},
    }


def judged(
    cascade: CascadePlan,
    tier: str,
    answer: dict[str, Any],
    before: Sequence[CascadeStep] = (),
    *,
    model: Any = None,
    **request: Any,
) -> Judged | None:
    """The judgement of `answer` by `tier`."""
    asked = ChatRequest.model_validate({"messages": [{"role": "user", "content": "How many?"}], **request})
    return judge(Stage(cascade, tier, before, asked, ONE_CALL, model), read_completion(answer))


def up(cascade: CascadePlan, first: str, second: str, *, model: Any = None) -> tuple[Judged, Judged]:
    """The steps of the first two tiers with these answers."""
    one = judged(cascade, "small", response(first), model=model)
    assert one is not None
    other = judged(cascade, "medium", response(second), [one.step], model=model)
    assert other is not None
    return one, other


def as_read(sent: Outgoing, offset: int = 1, at: datetime = NOW) -> Incoming:
    """A record that a worker wrote, as the next one reads it; `at`: the broker's time."""
    stamp = int(at.timestamp() * 1000)
    return Incoming(sent.topic, 0, offset, stamp, sent.key, sent.value, tuple(sent.headers))
