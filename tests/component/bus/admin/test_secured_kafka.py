"""Every way to connect to a real broker: the right settings work, and a wrong one is named in one line."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Any

import pytest
from aiokafka import TopicPartition

from pointsman.bus import connection
from pointsman.bus.admin.committed import committed_offsets
from pointsman.bus.admin.lag import WatchedTopic, lag
from pointsman.bus.admin.members import count_members
from pointsman.bus.admin.probe import probe
from pointsman.bus.admin.topics import apply, plan
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.consume.group_member import consumer_of
from pointsman.bus.consume.lanes import Lanes
from pointsman.bus.errors import KafkaLoginError, KafkaUnavailableError
from pointsman.bus.host import control_broker
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.follow import follow
from pointsman.bus.settings import LanePart
from pointsman.bus.tcp_check import await_server
from pointsman.cli.checks.kafka import kafka as check_kafka
from pointsman.runtime import token_source
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics
from tests.support.bus.secured_kafka import PASSWORD, SecuredKafka, environment, secured_kafka, token
from tests.support.bus.sole_writer import SoleWriter
from tests.support.running.command import Command

pytestmark = pytest.mark.stack

WAYS = [
    ("PLAIN", None),
    ("TLS", None),
    ("MUTUAL", None),
    *((listener, mechanism) for listener in ("LOGIN", "BOTH") for mechanism in ("PLAIN", "OAUTHBEARER")),
    ("LOGIN", "SCRAM-SHA-512"),
    ("BOTH", "SCRAM-SHA-256"),
    ("SCRAM", "SCRAM-SHA-512"),
]
SCRAM = "SCRAM-SHA-512"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    with secured_kafka(tmp_path_factory.mktemp("secured")) as started:
        yield started


@pytest.mark.parametrize(("listener", "mechanism"), WAYS)
async def test_every_operation_works_with_every_kind_of_connection(
    secured: SecuredKafka, listener: str, mechanism: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    prefix = f"t{token_hex(4)}"
    settings = LanePart(**secured.settings(listener, mechanism, prefix=prefix), session_timeout_ms=6_000)
    intake, calls = settings.topics.intake, settings.topics.calls
    group, place = f"{prefix}.router", TopicPartition(intake.name, 0)

    await apply(settings, [intake, calls])
    assert not [change for change in await plan(settings, [intake, calls]) if change.to_do]
    async with Publisher(settings) as publisher:
        await publisher.publish([Outgoing(intake.name, b"k", b"published", [])])
    writer = await SoleWriter.open(settings, group, place)
    try:
        await writer.write([Outgoing(calls.name, b"k", b"in a transaction", [])], 1, "")
    finally:
        await writer.close()
    records = follow(settings, [intake.name, calls.name], start="beginning", until_end=True)
    assert {record.value async for record in records} == {b"published", b"in a transaction"}

    consumer, admin = consumer_of(settings, group), connection.admin(settings)
    consumer.subscribe([intake.name])
    try:
        await consumer.start()
        await admin.start()
        async with asyncio.timeout(60):
            while not consumer.assignment():
                await consumer.getmany(timeout_ms=100)
        assert (await committed_offsets(admin, group))[place] == (1, "")
        assert await count_members(settings, group) == 1
    finally:
        await consumer.stop()
        await admin.close()
    (lane,) = await lag(settings, [WatchedTopic(intake.name, group)])
    assert lane.exact

    host = control_broker(settings)
    await host.start()
    try:
        assert await host.ping(30)
    finally:
        await host.stop()
    seen = await probe(settings)
    assert (seen.problem, seen.reachable) == (None, True)
    assert PASSWORD not in f"{caplog.text}{settings!r}{settings.model_dump()}"
    assert token().split(".")[0] not in caplog.text


def wrong(secured: SecuredKafka) -> dict[str, tuple[KafkaPart, str]]:
    """A wrong setting, the settings, and the expected message."""
    part, file = secured.part, secured.file
    other = secured.other_ca
    return {
        "CA missing": (
            part("TLS", kafka_ca_file="/nowhere/ca.pem"),
            "CA_FILE: /nowhere/ca.pem cannot be read: No such",
        ),
        "CA no PEM": (
            part("TLS", kafka_ca_file=file("no.pem", "no")),
            "CA_FILE: .*no.pem does not hold a CA's",
        ),
        "CA another": (
            part("TLS", kafka_ca_file=str(other.file)),
            "is not signed by the CA in .*other-ca.pem",
        ),
        "CA none": (
            part("TLS", kafka_ca_file=None),
            "is not signed by a CA that this machine knows.*CA_FILE",
        ),
        "name": (part("ELSEWHERE"), "is for another name: IP address mismatch.*127.0.0.1"),
        "expired": (part("EXPIRED"), "certificate of Kafka at 127.0.0.1:[0-9]+ has expired"),
        "plain to TLS": (
            plain(secured, "TLS"),
            "closes a plain connection: it speaks TLS.*SECURITY_PROTOCOL to SSL",
        ),
        "plain to login": (
            plain(secured, "LOGIN"),
            "closes a connection that does not log in.*to SASL_PLAINTEXT",
        ),
        "TLS to plain": (spoken(secured, "PLAIN", "SSL"), "does not speak TLS with us.*to PLAINTEXT"),
        "no login to both": (
            spoken(secured, "BOTH", "SSL"),
            "closes a connection that does not log in.*to SASL_SSL",
        ),
        "login to plain": (
            login(secured, "PLAIN", "SASL_PLAINTEXT"),
            "takes no login on this listener.*to PLAINTEXT",
        ),
        "login to TLS": (login(secured, "TLS", "SASL_SSL"), "takes no login on this listener.*to SSL"),
        "no certificate": (
            part("MUTUAL", kafka_certificate_file=None, kafka_key_file=None, kafka_key_password=None),
            "wants a certificate of ours that it trusts.*CERTIFICATE_FILE",
        ),
        "certificate of another CA": (
            part(
                "MUTUAL",
                kafka_certificate_file=str(other.sign("them").both),
                kafka_key_file=None,
                kafka_key_password=None,
            ),
            "wants a certificate of ours that it trusts",
        ),
        "key's password": (
            part("MUTUAL", kafka_key_password="wrong"),
            "KEY_FILE: .*us.crt does not hold a certificate and its key, or the key's password",
        ),
        "PLAIN password": (
            part("BOTH", "PLAIN", kafka_password="wr0ng"),
            "refuses the login of 'alice' by PLAIN",
        ),
        "SCRAM password": (
            part("BOTH", SCRAM, kafka_password="wr0ng"),
            "refuses the login of 'alice' by SCRAM-SHA-512",
        ),
        "SCRAM user": (
            part("LOGIN", SCRAM, kafka_username="bob"),
            "refuses the login of 'bob' by SCRAM.*USERNAME",
        ),
        "password file": (
            part("LOGIN", SCRAM, kafka_password=None, kafka_password_file="/nowhere/secret"),
            "PASSWORD_FILE: /nowhere/secret cannot be read",
        ),
        "mechanism": (
            part("SCRAM", "PLAIN"),
            "does not offer PLAIN.*SASL_MECHANISM.*sasl.enabled.mechanisms",
        ),
        "token expired": (
            part("BOTH", "OAUTHBEARER", kafka_token_file=file("old", token(good_s=-3600))),
            "refuses our token.*still valid",
        ),
        "token file": (
            part("BOTH", "OAUTHBEARER", kafka_token_file="/nowhere/t"),
            "TOKEN_FILE: /nowhere/t cannot be",
        ),
        "token empty": (
            part("BOTH", "OAUTHBEARER", kafka_token_file=file("blank", " \n")),
            "TOKEN_FILE gives no token",
        ),
        "token two": (part("BOTH", "OAUTHBEARER", kafka_token_file=file("two", "a\nb")), "more than a token"),
        "command fails": (by_command(secured, "sh -c 'echo s3cr3t; exit 3'"), "COMMAND failed .exit code 3"),
        "command mute": (by_command(secured, "true"), "TOKEN_COMMAND gives no token"),
        "command missing": (
            by_command(secured, "/nowhere/token"),
            "TOKEN_COMMAND cannot be run: No such file",
        ),
        "command slow": (
            by_command(secured, "sh -c 'sleep 120 & wait'"),
            "TOKEN_COMMAND did not end within",
        ),
        "command endless": (by_command(secured, "yes"), "TOKEN_COMMAND gives more than 64 KB"),
    }


def plain(secured: SecuredKafka, listener: str) -> KafkaPart:
    return KafkaPart(kafka=f"127.0.0.1:{secured.ports[listener]}")


def spoken(secured: SecuredKafka, listener: str, protocol: str) -> KafkaPart:
    ca = str(secured.ca.file)
    return secured.part(listener, kafka_security_protocol=protocol, kafka_ca_file=ca)


def login(secured: SecuredKafka, listener: str, protocol: str) -> KafkaPart:
    ca = str(secured.ca.file)
    return secured.part(listener, SCRAM, kafka_security_protocol=protocol, kafka_ca_file=ca)


def by_command(secured: SecuredKafka, command: str) -> KafkaPart:
    return secured.part("BOTH", "OAUTHBEARER", kafka_token_file=None, kafka_token_command=command)


async def test_each_mistake_is_one_line_that_says_what_to_do(
    secured: SecuredKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_source, "COMMAND_S", 0.5)
    asked = wrong(secured)
    errors = await asyncio.gather(
        *(await_server(part, 60) for part, _ in asked.values()), return_exceptions=True
    )
    for (mistake, (_, expected)), error in zip(asked.items(), errors, strict=True):
        assert isinstance(error, KafkaLoginError), (mistake, error)
        assert re.search(expected, error.line), (mistake, error.line)
        assert error.hint, mistake
        assert "\n" not in error.line, mistake
        assert not re.search("wr0ng|s3cr3t", f"{error.line}{error.__cause__!r}"), mistake


async def test_a_program_s_token_logs_in(secured: SecuredKafka) -> None:
    await await_server(by_command(secured, f"echo {token()}"))


async def test_a_password_from_a_file_logs_in(secured: SecuredKafka) -> None:
    file = secured.file("password", f"{PASSWORD}\n")
    await await_server(secured.part("BOTH", SCRAM, kafka_password=None, kafka_password_file=file))


@asynccontextmanager
async def mute() -> AsyncIterator[int]:
    """The port of a server that accepts connections and never answers."""
    held: list[asyncio.StreamWriter] = []

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for writer in held:
            writer.close()


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL"])
async def test_a_server_that_never_answers_causes_a_timeout(protocol: str) -> None:
    async with mute() as port:
        with pytest.raises(KafkaUnavailableError, match=r"did not answer within 1 s.*SECURITY_PROTOCOL"):
            await await_server(KafkaPart(kafka=f"127.0.0.1:{port}", kafka_security_protocol=protocol), 1)


async def test_closing_does_not_wait_for_an_unresponsive_broker(secured: SecuredKafka) -> None:
    passes, ended = asyncio.Event(), asyncio.Event()
    passes.set()

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, back = await asyncio.open_connection("127.0.0.1", secured.ports["TLS"])

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while data := await source.read(65_536):
                await passes.wait()
                target.write(data)
            target.close()

        await asyncio.gather(copy(reader, back), copy(upstream, writer), return_exceptions=True)
        await asyncio.gather(writer.wait_closed(), back.wait_closed(), return_exceptions=True)
        ended.set()

    async with await asyncio.start_server(through, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        made = connection.connection(secured.part("TLS"), "127.0.0.1", port, 60)
        await made.connect()
        passes.clear()
        async with asyncio.timeout(20):  # asyncio's TLS would wait for 30 s
            await made.close()
        passes.set()
        await ended.wait()


async def test_lanes_that_cannot_log_in_report_it_and_retry(
    secured: SecuredKafka, caplog: pytest.LogCaptureFixture
) -> None:
    settings = LanePart(**secured.settings("BOTH", SCRAM, kafka_password="wr0ng"))
    lanes = Lanes(settings, "group", ["topic"], lambda *_: pytest.fail("no lane can be opened"))
    running = asyncio.create_task(lanes.run())

    def told() -> list[dict[str, Any]]:
        return [
            record.__dict__["fields"]
            for record in caplog.records
            if record.name == "pointsman.bus.consume.group_member"
        ]

    async with asyncio.timeout(60):
        while len(told()) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert not lanes.ready
    lanes.stop()
    await running
    for entry in told():
        assert entry["error"].startswith(f"Kafka at {settings.kafka} refuses the login of 'alice' by {SCRAM}")
        assert "check POINTSMAN_KAFKA_USERNAME" in entry["error"]
    others = {record.name for record in caplog.records if record.levelno >= logging.WARNING}
    assert others == {"pointsman.bus.consume.group_member"}


async def test_a_command_ends_with_that_message(secured: SecuredKafka) -> None:
    command = Command(secured.folder, environment(secured.settings("BOTH", SCRAM, kafka_password="wr0ng")))
    done = await command.run("topics", "plan")
    assert done.code == 1
    first, hint = done.err.splitlines()
    assert first.startswith("error: Kafka at 127.0.0.1:")
    assert "refuses the login of 'alice' by SCRAM-SHA-512" in first
    assert hint.startswith(" hint: check POINTSMAN_KAFKA_USERNAME and POINTSMAN_KAFKA_PASSWORD")
    assert "wr0ng" not in done.err + done.out


async def test_doctor_reports_the_protocol_and_the_problem(secured: SecuredKafka) -> None:
    answer, listeners, _ = await check_kafka(secured.part("BOTH", SCRAM), None)
    assert (answer.ok, listeners.ok) == (True, True)
    assert "by SASL_SSL with SCRAM-SHA-512 as 'alice'" in answer.said
    answer, *_ = await check_kafka(secured.part("ELSEWHERE"), None)
    assert (answer.ok, "is for another name" in answer.said) == (False, True)
    assert "advertised.listeners" in answer.fix


def test_topics_know_their_prefix() -> None:
    assert KafkaPart(prefix="p").topics == Topics("p")
    assert json.dumps(KafkaPart(kafka_password="x").model_dump(mode="json")).count('"x"') == 0
