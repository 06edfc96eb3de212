"""`lag --serve` answers `/lag`, with a slash behind it too, and HEAD without a body."""

from typing import Any

import httpx2
import pytest

from pointsman.cli.ops.lag_server import lag_app


async def look() -> list[dict[str, Any]]:
    return [{"tier": "small"}]


@pytest.mark.parametrize("path", ["/lag", "/lag/"])
async def test_no_redirect_to_where_the_host_header_says(path: str) -> None:
    transport = httpx2.ASGITransport(app=lag_app(look))
    async with httpx2.AsyncClient(transport=transport, base_url="http://lag") as client:
        response = await client.get(path)
    assert (response.status_code, response.json()) == (200, [{"tier": "small"}])
