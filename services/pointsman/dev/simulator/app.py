"""The simulated provider as an ASGI app."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from pointsman.dev import samples
from pointsman.dev.simulator import errors
from pointsman.dev.simulator.answering.answers import question
from pointsman.dev.simulator.answering.models import BY_NAME
from pointsman.dev.simulator.asgi import deliver, read
from pointsman.dev.simulator.control import answer
from pointsman.dev.simulator.dialects.addresses import CHAT, EMBEDDINGS, MESSAGES, dialect_at
from pointsman.dev.simulator.dialects.dialect import Dialect
from pointsman.dev.simulator.dialects.openai import KEYS, authorize
from pointsman.dev.simulator.faults import Faults
from pointsman.dev.simulator.ledger import RequestLedger
from pointsman.dev.simulator.provider import SimulatedProvider, known
from pointsman.dev.simulator.quotas import Quotas
from pointsman.dev.simulator.reply import SimulatedReply, refused, whole
from pointsman.dev.simulator.server import listening, server_of
from pointsman.dev.simulator.settings import SimulatorSettings

MODELS = "/v1/models"


def build(settings: SimulatorSettings | None = None, *, clock: Callable[[], float] = time.time) -> ASGIApp:
    """Return the app, with its own faults and request records; `clock` returns seconds since the epoch."""
    settings = settings or SimulatorSettings()
    faults = Faults(list(settings.faults))
    ledger = RequestLedger(settings.keep)
    provider = SimulatedProvider(settings, faults, canned(), Quotas(settings.quotas))

    async def chat(scope: Scope, receive: Receive, send: Send, dialect: Dialect) -> None:
        body = await read(receive)
        if body is None:
            return
        headers = dict(scope["headers"])
        now = clock()
        entry = ledger.open(
            scope["headers"],
            body,
            job=headers.get(b"x-pointsman-job", b""),
            agent=headers.get(b"x-pointsman-agent", b""),
            at=now,
        )
        ended = "abandoned"
        try:
            call_id = f"{int(now * 1e6):016x}{entry.serial:08x}"  # unique across restarts too
            query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
            reply = provider.answer(headers, body, call_id=call_id, now=now, dialect=dialect, query=query)
            entry.status = None if reply.hang else reply.status
            ended = await deliver(reply, receive, send, request_id=call_id)
        finally:
            ledger.close(entry, ended)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"]
        dialect = dialect_at(path) if method == "POST" else None
        if dialect is not None:
            await chat(scope, receive, send, dialect)
        elif path.startswith("/_sim/"):
            await deliver(answer(faults, ledger, method, path, await read(receive) or b""), receive, send)
        else:
            await deliver(_other(method, path, dict(scope["headers"])), receive, send)

    return app


def run(settings: SimulatorSettings) -> None:
    """Serve until SIGINT or SIGTERM."""
    # uvicorn re-raises the signal after its shutdown
    with listening(settings.http_host, settings.http_port) as sock, suppress(KeyboardInterrupt):
        server_of(build(settings)).run(sockets=[sock])


def canned() -> dict[str, Any]:
    """Return the canned answers of the sample jobs, by their last user message."""
    answers = samples.answers()
    return {
        question(job.get("messages") or [{"role": "user", "content": job["prompt"]}]): answers[name]
        for job in samples.load()
        if (name := job["metadata"]["sample"]) in answers
    }


def _other(method: str, path: str, headers: dict[bytes, bytes]) -> SimulatedReply:
    if method != "GET" or not (path == MODELS or path.startswith(MODELS + "/")):
        posted = f"POST {CHAT}, {MESSAGES} and {EMBEDDINGS}"
        hint = f"Known here: {posted}, GET {MODELS}, and /_sim/{{requests,stats,faults}}."
        return refused(errors.Refusal(404, f"There is no {method} {path}. {hint}", code="unknown_url"))
    try:
        if not KEYS & headers.keys():
            authorize(headers)
        if path == MODELS:
            return whole(orjson.dumps({"object": "list", "data": [_card(name) for name in BY_NAME]}))
        name = path.removeprefix(MODELS + "/")
        known(name)
        return whole(orjson.dumps(_card(name)))
    except errors.Refusal as refusal:
        return refused(refusal)


def _card(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1744588800, "owned_by": "simulator"}
