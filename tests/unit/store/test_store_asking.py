"""A query's time bounds the connecting, too; errors are told without the driver's words."""

import asyncio
import socket
from datetime import timedelta

import asyncpg
import pytest

from pointsman.store.ask.asking import QuestionError, _explained, read_only_query
from pointsman.store.errors import StoreUnavailableError


async def test_the_time_limit_covers_connecting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = f"postgresql://x@127.0.0.1:{silent.getsockname()[1]}/x?sslmode=disable"
        async with asyncio.timeout(5):
            with pytest.raises(StoreUnavailableError):
                async with read_only_query(dsn, "select 1", within=timedelta(seconds=0.05)):
                    pass


def test_several_statements_are_refused_in_plain_words() -> None:
    error = asyncpg.PostgresSyntaxError("cannot insert multiple commands into a prepared statement")
    with pytest.raises(QuestionError, match=r"^more than one statement$") as refused, _explained("a; b"):
        raise error
    assert refused.value.hint == "ask one thing at a time"
