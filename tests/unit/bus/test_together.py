"""Services in one process start, become ready and stop together."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pointsman.bus.host import Service
from pointsman.bus.settings import LanePart
from pointsman.bus.together import together
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event


class Part:
    """A service that runs until stopped; `told`: events of all services."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self._told = name, log
        self.missing: str | None = None
        self.error: Exception | None = None
        self._stopping = asyncio.Event()

    def service(self) -> Service:
        return Service(
            name=self.name,
            settings=LanePart(),
            topics=["in", self.name],
            run=self._run,
            stop=self._stopping.set,
            not_ready=lambda: self.missing,
            resources=self._resources,
        )

    async def _run(self) -> None:
        if self.error is not None:
            raise self.error
        try:
            await self._stopping.wait()
        finally:
            self._told.append(f"{self.name} ended")

    @asynccontextmanager
    async def _resources(self) -> AsyncIterator[None]:
        self._told.append(f"{self.name} opened")
        yield
        self._told.append(f"{self.name} closed")


async def test_all_open_before_any_works_and_close_after_all_end() -> None:
    log: list[str] = []
    combined = together([Part("a", log).service(), Part("b", log).service()])
    assert (combined.name, combined.topics) == ("a+b", ["a", "b", "in"])
    async with combined.resources():
        running = asyncio.ensure_future(combined.run())
        await asyncio.sleep(0)
        combined.stop()
        await asyncio.wait_for(running, 20)
    assert log[:2] == ["a opened", "b opened"]
    assert sorted(log[2:4]) == ["a ended", "b ended"]
    assert log[4:] == ["b closed", "a closed"]


async def test_it_is_ready_once_all_services_are() -> None:
    first, second = Part("a", []), Part("b", [])
    combined = together([first.service(), second.service()])
    assert combined.not_ready() is None
    first.missing, second.missing = "no lanes", "no policy"
    assert combined.not_ready() == "a: no lanes; b: no policy"


async def test_if_one_fails_the_others_end() -> None:
    log: list[str] = []
    failing = Part("b", log)
    failing.error = ValueError("no such tier")
    combined = together([Part("a", log).service(), failing.service()])
    with pytest.raises(ExceptionGroup, match="unhandled") as caught:
        await asyncio.wait_for(combined.run(), 20)
    assert caught.value.exceptions == (failing.error,)
    assert log == ["a ended"]


async def test_what_each_of_them_logs_names_it(caplog: pytest.LogCaptureFixture) -> None:
    """In its run, in what its resources begin, and nowhere else."""

    def log() -> None:
        event(logging.getLogger("here"), logging.INFO, Event.SERVICE_STARTING, http="none")

    def service(name: str) -> Service:
        async def run() -> None:
            log()

        @asynccontextmanager
        async def resources() -> AsyncIterator[None]:
            asyncio.get_running_loop().call_soon(log)
            yield

        return Service(
            name=name,
            settings=LanePart(),
            topics=[],
            run=run,
            stop=lambda: None,
            not_ready=lambda: None,
            resources=resources,
        )

    combined = together([service("router"), service("worker-small")])
    with caplog.at_level(logging.INFO):
        async with combined.resources():
            await combined.run()
        log()
    fields = [vars(record)["fields"] for record in caplog.records if record.name == "here"]
    assert [field.get("service") for field in fields] == ["router", "worker-small"] * 2 + [None]
    assert {field["http"] for field in fields} == {"none"}
