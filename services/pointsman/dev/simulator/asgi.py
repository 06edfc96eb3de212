"""Read a request body and deliver a reply over ASGI."""

import asyncio

from starlette.types import Receive, Send

from pointsman.dev.simulator.reply import SimulatedReply

WATCHED_S = 0.5  # shorter waits do not watch the client, as that costs a task


async def read(receive: Receive) -> bytes | None:
    """Return the request's body; None if the client disconnected before its end."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def deliver(reply: SimulatedReply, receive: Receive, send: Send, *, request_id: str = "") -> str:
    """Send a reply. Returns how it ended: answered, cut or abandoned."""
    if reply.hang:
        await left(receive)
        return "abandoned"
    if reply.delay_s and await leaves_within(reply.delay_s, receive):
        return "abandoned"
    headers = [(b"content-type", reply.content_type.encode()), *reply.headers]
    if request_id:
        headers.append((b"x-request-id", b"req_" + request_id.encode()))
    if reply.length is not None:
        headers.append((b"content-length", str(reply.length).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    last = len(reply.pieces) - 1
    for i, piece in enumerate(reply.pieces):
        if reply.gap_s and await leaves_within(reply.gap_s, receive):
            return "abandoned"
        await send({"type": "http.response.body", "body": piece, "more_body": reply.cut or i < last})
    return "cut" if reply.cut else "answered"  # the server closes the connection of an unfinished body


async def left(receive: Receive) -> None:
    """Return when the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def leaves_within(seconds: float, receive: Receive) -> bool:
    """Wait for that long. Returns True, early, if the client disconnects; short waits do not notice."""
    if seconds < WATCHED_S:
        await asyncio.sleep(seconds)
        return False
    try:
        async with asyncio.timeout(seconds):
            await left(receive)
    except TimeoutError:
        return False
    return True
