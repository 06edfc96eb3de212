"""The KEDA example in the docs reads values that `pointsman lag` reports."""

import asyncio
import json
import re
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import gjson
import pytest
import yaml

from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.publisher import Publisher
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.running.command import Command

pytestmark = pytest.mark.stack

DOCS = Path(__file__).parents[3] / "docs" / "scaling.md"


def trigger() -> dict[str, str]:
    """The settings of KEDA's metrics-api scaler in the example."""
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    scaled: dict[str, Any] = yaml.safe_load(example)
    assert scaled["kind"] == "ScaledObject"
    assert scaled["spec"]["maxReplicaCount"] == Topics().tier("small").partitions
    (keda_trigger,) = scaled["spec"]["triggers"]
    assert keda_trigger["type"] == "metrics-api"
    metadata: dict[str, str] = keda_trigger["metadata"]
    return metadata


@pytest.fixture
async def pointsman(kafka: Kafka, tmp_path: Path) -> Command:
    """The program, on a broker where three jobs wait for the small tier."""
    command = Command(tmp_path, {"POINTSMAN_KAFKA": kafka.bootstrap, "POINTSMAN_PREFIX": kafka.prefix})
    assert (await command.run("topics", "apply")).code == 0
    tier = Topics(kafka.prefix).tier("small").name
    async with Publisher(kafka.settings) as publisher:
        await publisher.publish([Outgoing(tier, None, b"{}", []) for _ in range(3)])
    return command


def read(answer: Any, path: str) -> Any:
    """Reads the value as KEDA does; it must be a number."""
    value = gjson.get(answer, path)
    assert isinstance(value, int | float), value
    return value


async def test_the_examples_path_is_in_the_output_of_lag(pointsman: Command) -> None:
    assert read((await pointsman.run("lag", "--json")).json, trigger()["valueLocation"]) == 3


async def test_the_examples_path_is_in_the_http_answer_of_lag(pointsman: Command) -> None:
    serving = await pointsman.start("lag", "--serve", "0")
    assert serving.stderr is not None
    url = (await serving.stderr.readline()).decode().strip()
    assert url.endswith("/lag")
    assert trigger()["url"].endswith(":8090/lag")
    try:
        assert read(await asyncio.to_thread(get, url), trigger()["valueLocation"]) == 3
        with pytest.raises(urllib.error.HTTPError, match="404"):
            await asyncio.to_thread(get, f"{url}/small")
    finally:
        serving.send_signal(signal.SIGTERM)
        await serving.wait()


async def test_without_kafka_it_answers_503(tmp_path: Path) -> None:
    command = Command(tmp_path, {"POINTSMAN_KAFKA": "127.0.0.1:1"})
    serving = await command.start("lag", "--serve", "0")
    assert serving.stderr is not None
    url = (await serving.stderr.readline()).decode().strip()
    try:
        with pytest.raises(urllib.error.HTTPError, match="503"):
            await asyncio.to_thread(get, url)
    finally:
        serving.send_signal(signal.SIGTERM)
        await serving.wait()


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.loads(answer.read())
