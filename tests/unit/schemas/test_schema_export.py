"""The exported files match the code, are reproducible, and are complete by AsyncAPI's rules."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pointsman_schemas import dead, envelope
from pointsman_schemas.catalog import MESSAGES
from pointsman_schemas.claims import DATAREF
from pointsman_schemas.export.__main__ import main
from pointsman_schemas.export.asyncapi import document
from pointsman_schemas.export.generated import drift, examples, exported, to_text
from pointsman_schemas.export.json_schema import DEAD, ENVELOPE, PLAIN, schemas
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topics import Topics

CHECKOUT = Path(__file__).parents[3]
JSON = CHECKOUT / "schemas" / "json"
ASYNCAPI: dict[str, Any] = json.loads((JSON / "asyncapi.json").read_text())


def test_every_header_that_is_written_is_in_the_schemas_and_on_the_page() -> None:
    folders = (CHECKOUT / "services" / "pointsman", CHECKOUT / "schemas" / "pointsman_schemas")
    texts = [path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.py")]
    written = {name for text in texts for name in re.findall(r"\bce_[a-z0-9]+\b", text)}
    described = {name for name in schemas()[DEAD]["properties"] if name.startswith("ce_")}
    assert written == described
    page = (CHECKOUT / "docs" / "contract.md").read_text(encoding="utf-8")
    assert [name for name in sorted(described) if f"`{name}`" not in page] == []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout with the files that the export reads and writes."""
    for part in ("schemas/json", "schemas/examples"):
        shutil.copytree(CHECKOUT / part, tmp_path / part)
    (tmp_path / "docs").mkdir()
    shutil.copy(CHECKOUT / "docs" / "contract.md", tmp_path / "docs")
    return tmp_path


def references(node: Any) -> Iterator[str]:
    """Every `$ref` below `node`, except in examples."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value
            elif name != "examples":
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(reference: str, document: Any) -> Any:
    """The target of `reference` in `document` or in a file beside it."""
    file, _, pointer = reference.partition("#")
    node = json.loads((JSON / file).read_text()) if file else document
    for step in pointer.split("/")[1:]:
        node = node[step.replace("~1", "/").replace("~0", "~")]
    return node


def test_the_files_are_what_the_code_says() -> None:
    assert drift(CHECKOUT) == []


def test_the_text_is_the_same_in_another_process() -> None:
    program = "from pointsman_schemas.export.generated import *; print(*exported(Path.cwd()).values())"
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=CHECKOUT,
            env={"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1
    for path, text in exported(CHECKOUT).items():
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path


def test_drift_is_shown_and_the_command_mends_it(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = copy / "schemas" / "json" / "job.failed.v1.json"
    changed.write_text(changed.read_text().replace('"content_filter"', '"filtered"'))
    (copy / "schemas" / "json" / "job.gone.v1.json").write_text("{}\n")
    page = copy / "docs" / "contract.md"
    page.write_text(page.read_text().replace("| `calls` | job id | 4 |", "| `calls` | job id | 40 |"))
    (copy / "schemas" / "json" / "job.cancel.v1.json").unlink()

    assert main(["--check", "--checkout", str(copy)]) == 1
    captured = capsys.readouterr()
    assert '-        "filtered",' in captured.out
    assert '+        "content_filter",' in captured.out
    assert "--- schemas/json/job.gone.v1.json" in captured.out
    assert "-| `calls` | job id | 40 |" in captured.out
    assert "+++ schemas/json/job.cancel.v1.json (from the code)" in captured.out
    assert "run: python -m pointsman_schemas.export\n" in captured.err

    assert main(["--checkout", str(copy)]) == 0
    assert main(["--check", "--checkout", str(copy)]) == 0


def test_a_new_example_is_part_of_the_document(copy: Path) -> None:
    path = copy / "schemas" / "examples" / "job.cancel.v1.json"
    path.write_text(path.read_text().replace("the draft was withdrawn", "asked twice"))
    assert any("asked twice" in line for line in drift(copy))


def test_it_says_where_it_can_be_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--checkout", str(tmp_path)]) == 2
    assert "run this in a checkout" in capsys.readouterr().err


@pytest.mark.parametrize("name", schemas())
def test_a_schema_is_one_names_itself_and_points_at_what_is_there(name: str) -> None:
    schema = json.loads((JSON / f"{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"{name}.json"
    assert schema["title"]
    assert schema["description"]
    for reference in references(schema):
        assert resolve(reference, schema)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_told_apart_by_its_type(name: str) -> None:
    schema = schemas()[name]
    assert schema["properties"]["type"]["const"] == name
    assert "type" in schema["required"]


def test_the_envelope_schema_knows_every_header_that_is_written() -> None:
    example = json.loads((CHECKOUT / "schemas" / "examples" / "call.finished.v1.json").read_text())
    written = envelope.from_headers((name, text.encode()) for name, text in example["headers"].items())
    assert written is not None
    known = schemas()[ENVELOPE]["properties"]
    sometimes = {
        "ce_orderkey", DATAREF, envelope.DATA_SUBJECT, envelope.SIGNATURE, dead.CUT_BYTES, dead.CUT_DIGEST,
    }  # fmt: skip
    assert {name for name, _ in written.to_headers()} == {*known} - sometimes
    letter = dead.DeadLetter(Reason.EMPTY, "empty", "router", "t", 0, 1)
    assert {name for name, _ in letter.to_headers()} <= set(schemas()[DEAD]["required"])


@pytest.mark.parametrize("value", ["0", "0.000206", "5E-8", "12.5", "1E+2"])
def test_money_is_a_text_however_it_is_written(value: str) -> None:
    pattern = schemas()["job.completed.v1"]["properties"]["cost_usd"]["anyOf"][0]["pattern"]
    assert re.search(pattern, value)


@pytest.mark.parametrize(
    ("body", "good"),
    [
        ({"agent_id": "a", "prompt": "hi"}, True),
        ({"agent_id": "a", "messages": [{"role": "user", "content": "hi"}], "top_p": 0.1, "tools": []}, True),
        ({"agent_id": "a", "prompt": "hi", "messages": [{"role": "user"}]}, False),
        ({"agent_id": "a"}, False),
        ({"agent_id": "a", "prompt": "  "}, False),
        ({"agent_id": "a", "prompt": 3}, False),
        ({"agent_id": "a b", "prompt": "hi"}, False),
        ({"prompt": "hi"}, False),
        ({"agent_id": "a", "prompt": "hi", "tier": "No Such"}, False),
    ],
)
def test_the_plain_schema_and_the_intake_agree(body: dict[str, Any], good: bool) -> None:
    from pointsman.bus.codec.intake import Accepted, decode_intake
    from pointsman.bus.codec.records import Incoming

    accepted = decode_intake(Incoming("t", 0, 0, 0, None, json.dumps(body).encode(), ()))
    assert isinstance(accepted, Accepted) is good
    assert Draft202012Validator(schemas()[PLAIN]).is_valid(body) is good


class TestAsyncApi:
    """The structure that AsyncAPI 3.0 requires. Its official schema is not part of the project."""

    def test_every_reference_resolves(self) -> None:
        used = set(references(ASYNCAPI))
        assert {f"./{name}.json" for name in schemas()} <= used
        for reference in used:
            assert resolve(reference, ASYNCAPI)

    def test_only_known_keys_stand_at_each_level(self) -> None:
        allowed = {
            "": "asyncapi info defaultContentType servers channels operations components",
            "channels": "address title description parameters messages bindings",
            "operations": "action title summary channel messages",
            "components/messages": "name title summary contentType headers payload bindings examples",
            "servers": "host protocol description variables",
        }
        assert set(ASYNCAPI) == set(allowed[""].split())
        assert ASYNCAPI["asyncapi"] == "3.0.0"
        assert {"title", "version"} <= set(ASYNCAPI["info"])
        for path in ("channels", "operations", "servers", "components/messages"):
            for name, node in resolve(f"#/{path}", ASYNCAPI).items():
                assert set(node) <= set(allowed[path].split()), name

    def test_every_topic_is_a_channel_with_its_settings(self) -> None:
        topics = {topic.name: topic for topic in Topics("{prefix}").all(["{tier}"])}
        channels = {channel["address"]: channel for channel in ASYNCAPI["channels"].values()}
        assert set(channels) == set(topics)
        for address, channel in channels.items():
            assert set(re.findall(r"{(\w+)}", address)) == set(channel["parameters"])
            kafka, topic = channel["bindings"]["kafka"], topics[address]
            assert kafka["partitions"] == topic.partitions
            assert kafka["topicConfiguration"]["retention.ms"] == topic.retention.total_seconds() * 1000
            assert {message.TYPE for message in topic.carries} <= set(channel["messages"])
            assert channel["messages"], "a channel without a message says nothing"

    def test_every_service_sends_and_receives_what_its_topics_say(self) -> None:
        operations = {
            (title.split()[0], operation["action"], operation["channel"]["$ref"].removeprefix("#/channels/"))
            for operation in ASYNCAPI["operations"].values()
            for title in [operation["title"]]
        }
        assert {(action, channel) for service, action, channel in operations if service == "router"} == {
            ("receive", "jobs-intake"),
            ("send", "jobs-intake"),
            ("send", "jobs-tier"),
            ("send", "jobs-results"),
            ("send", "jobs-dead"),
            ("send", "jobs-opinion"),
            ("send", "jobs-review"),
            ("send", "policy"),
            ("receive", "policy"),
            ("receive", "agents-registry"),
            ("receive", "feedback"),
        }
        audited = {channel for service, _, channel in operations if service == "audit"}
        assert audited == set(ASYNCAPI["channels"]) - {"jobs-chunks", "gateway-requests"}
        assert ("worker", "receive", "jobs-tier") in operations

    def test_an_operation_speaks_of_messages_of_its_own_channel(self) -> None:
        for name, operation in ASYNCAPI["operations"].items():
            assert operation["action"] in ("send", "receive"), name
            assert operation["messages"], name
            for message in operation["messages"]:
                assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/"), name

    def test_a_message_is_complete(self) -> None:
        messages = ASYNCAPI["components"]["messages"]
        assert set(messages) == {*MESSAGES, PLAIN, dead.TYPE}
        for name, message in messages.items():
            assert message["summary"], name
            assert message["contentType"], name
            assert message["payload"], name
            assert message["bindings"]["kafka"]["key"]["type"] == "string", name
            assert ("headers" in message) == (name != PLAIN)
            assert message["examples"][0]["payload"], name

    def test_examples_are_not_needed_to_describe(self) -> None:
        assert "examples" not in to_text(document({})["components"]["messages"]["job.cancel.v1"])

    def test_examples_of_raw_bytes_are_shown_as_text(self) -> None:
        assert examples(CHECKOUT / "schemas" / "examples")[dead.TYPE]["value"].startswith('{"agent_id"')
