"""Compute the reply to a request's bytes, without any I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson

from pointsman.dev.simulator import errors, reply
from pointsman.dev.simulator.answering.answers import Canned, text_of
from pointsman.dev.simulator.answering.completion import CompletionChoice, Json, choices, usage
from pointsman.dev.simulator.answering.draw import digest, lognormal
from pointsman.dev.simulator.answering.models import BY_NAME, MODELS, SimulatedModel
from pointsman.dev.simulator.dialects.addresses import OPENAI
from pointsman.dev.simulator.dialects.dialect import Dialect, SimulatedAnswer
from pointsman.dev.simulator.fates import Refusing, ordered, refusal, spoilt
from pointsman.dev.simulator.faults import EmptyChoices, Faults, SimulatedCall
from pointsman.dev.simulator.quotas import Quotas
from pointsman.dev.simulator.reply import SimulatedReply
from pointsman.dev.simulator.settings import SimulatorSettings

Headers = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class SimulatedProvider:
    settings: SimulatorSettings
    faults: Faults
    canned: Canned
    quotas: Quotas = field(default_factory=lambda: Quotas({}))

    def answer(
        self,
        headers: Headers,
        body: bytes,
        *,
        call_id: str,
        now: float,
        dialect: Dialect = OPENAI,
        query: Mapping[str, str] | None = None,
    ) -> SimulatedReply:
        """Return the reply. Apart from `call_id`, `now` and quotas it depends on request and faults only."""
        refused = partial(reply.refused, encode=dialect.refusal)
        try:
            request = dialect.read(headers, query or {}, body)
            model = known(request["model"])
        except errors.Refusal as wrong:
            return refused(wrong)
        messages = digest(orjson.dumps(request["messages"], option=orjson.OPT_SORT_KEYS))
        seed = digest(messages.to_bytes(8, "big"), model.name.encode(), str(request.get("seed")).encode())
        order = ordered(self.faults.effects(_call(headers, request, model, messages)), seed)
        if isinstance(order.fate, Refusing):
            return refused(refusal(order.fate, model.name, now), delay_s=order.delay_s)
        options = [] if isinstance(order.fate, EmptyChoices) else choices(request, model, self.canned, seed)
        delay_s = self._latency_s(model, seed) + order.delay_s
        try:
            quota_headers = self._left(request, model, options, now)
        except errors.Refusal as wrong:
            wrong.headers = dialect.left(wrong.headers, now)
            return refused(wrong, delay_s=order.delay_s)
        answer = SimulatedAnswer(request, model, options, call_id, now)
        if request.get("stream"):
            served = reply.streamed(dialect.events(answer), delay_s=delay_s, gap_s=order.gap_s)
        else:
            served = reply.whole(dialect.whole(answer), delay_s=delay_s, gap_s=order.gap_s)
        if quota_headers:
            served = replace(served, headers=reply.as_headers(dialect.left(quota_headers, now)))
        return spoilt(served, order.fate, dialect.failure)

    def _left(
        self, request: Json, model: SimulatedModel, choice_list: list[CompletionChoice], now: float
    ) -> dict[str, str]:
        if not self.quotas.rules:
            return {}
        return self.quotas.take(model.name, usage(request, choice_list)["total_tokens"], now)

    def _latency_s(self, model: SimulatedModel, seed: int) -> float:
        medians_ms = self.settings.latency_ms
        median = medians_ms.get(model.name, medians_ms.get(model.tier, model.latency_ms))
        return lognormal(seed, "latency", median=median, sigma=self.settings.jitter) / 1000


def known(name: str) -> SimulatedModel:
    """Return the model of that name or snapshot. Raises `Refusal` (404)."""
    model = BY_NAME.get(name)
    if model is None:
        listed = ", ".join(model.name for model in MODELS)
        message = f"The model `{name}` does not exist here. Known models: {listed}."
        raise errors.Refusal(404, message, param="model", code="model_not_found")
    return model


def _call(headers: Headers, request: dict[str, Any], model: SimulatedModel, messages: int) -> SimulatedCall:
    return SimulatedCall(
        model=model.name,
        tier=model.tier,
        agent=headers.get(b"x-pointsman-agent", b"").decode("latin-1"),
        job=headers.get(b"x-pointsman-job", b"").decode("latin-1"),
        messages=messages,
        text="\n".join(text_of(message) for message in request["messages"]),
    )
