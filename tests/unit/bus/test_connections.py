"""Clients of Kafka and Postgres are created in one place each."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pointsman

HERE = Path(pointsman.__file__).parent
CONNECTION, CONNECT = HERE / "bus" / "connection.py", HERE / "store" / "connect.py"
#: What opens connections, and the file that may call it.
MAKERS = {
    "aiokafka.AIOKafkaConsumer": CONNECTION,
    "aiokafka.AIOKafkaProducer": CONNECTION,
    "aiokafka.admin.AIOKafkaAdminClient": CONNECTION,
    "aiokafka.client.AIOKafkaClient": CONNECTION,
    "aiokafka.conn.AIOKafkaConnection": CONNECTION,
    "aiokafka.conn.create_conn": CONNECTION,
    "confluent_kafka.Consumer": CONNECTION,
    "confluent_kafka.Producer": CONNECTION,
    "confluent_kafka.admin.AdminClient": CONNECTION,
    "faststream.kafka.KafkaBroker": CONNECTION,
    "asyncpg.connect": CONNECT,
    "asyncpg.create_pool": CONNECT,
}
#: A bench's baseline: an application of somebody else's.
PLAIN = HERE / "bench" / "whole" / "plain.py"


def made_by(tree: ast.AST) -> Iterator[str]:
    """The calls in a file, with the name of the module that they come from."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module)):
                names |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names}
            case ast.Import():
                names |= {alias.asname or alias.name: alias.name for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first, dot, rest = ast.unparse(node.func).partition(".")
            yield f"{names.get(first, first)}{dot}{rest}"


@pytest.mark.parametrize(
    "code",
    [
        "from aiokafka import AIOKafkaProducer\nAIOKafkaProducer()",
        "def later():\n    from aiokafka import AIOKafkaProducer as P\n    return [P(bootstrap_servers=1)]",
        "import aiokafka\naiokafka.AIOKafkaProducer()",
        "import aiokafka as kafka\nkafka.AIOKafkaProducer()",
    ],
)
def test_calls_are_found_under_any_imported_name(code: str) -> None:
    assert "aiokafka.AIOKafkaProducer" in set(made_by(ast.parse(code)))


def test_clients_are_created_only_in_their_modules() -> None:
    calls = {
        (made, file)
        for file in HERE.rglob("*.py")
        if file != PLAIN
        for made in made_by(ast.parse(file.read_text(encoding="utf-8")))
        if made in MAKERS
    }
    assert {(made, file) for made, file in calls if MAKERS[made] != file} == set()
    assert len(calls) >= 10, "what makes clients has other names now"
