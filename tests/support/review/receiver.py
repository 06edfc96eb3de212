"""A server that receives webhooks and checks their signatures against the specification."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True)
class Received:
    """One request."""

    headers: Mapping[str, str]
    body: bytes


@asynccontextmanager
async def receiver(*answers: int) -> AsyncIterator[tuple[str, list[Received]]]:
    """Its address and the requests received. It answers with these statuses in turn, repeating the last."""
    received: list[Received] = []

    async def take(request: web.Request) -> web.Response:
        received.append(Received(dict(request.headers), await request.read()))
        return web.Response(status=answers[min(len(received), len(answers)) - 1])

    application = web.Application()
    application.router.add_post("/hook", take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}/hook", received
    finally:
        await runner.cleanup()


def verified(request: Received, secret: bytes) -> bool:
    """Whether the signature matches this request and this secret."""
    text = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.{request.body.decode()}"
    digest = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
