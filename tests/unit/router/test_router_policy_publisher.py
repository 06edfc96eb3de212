"""A starting router publishes its policy and model, each content once."""

import base64
import hashlib
import json
from dataclasses import replace

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.router.policy.policy_file import PolicyFile, parse
from pointsman.router.policy_publisher import records
from pointsman_schemas.base import Message
from pointsman_schemas.control.policies import ModelApplied, PolicyApplied
from tests.support.router.fixed_score import fixed_score
from tests.support.router.router_lanes import NOW, TOPICS
from tests.support.router.scored_policy import TEXT, scored_file

PLAIN = "name: plain\ntiers: [small]\ndefault: {tier: small, reason: All.}\n"
MODEL = fixed_score({})


def as_read(made: list[Outgoing]) -> list[Incoming]:
    return [
        Incoming(record.topic, 0, place, 0, record.key, record.value, tuple(record.headers))
        for place, record in enumerate(made)
    ]


def made(file: PolicyFile, text: str, existing: list[Incoming] = []) -> list[Outgoing]:  # noqa: B006
    return list(records(TOPICS, file, text, existing, NOW))


def message(record: Incoming) -> Message:
    decoded = decode(record)
    assert isinstance(decoded, Decoded), decoded
    return decoded.message


def test_the_model_comes_first_and_both_can_be_read_again() -> None:
    file = scored_file(MODEL, content=b"the bytes \x00\xff")
    model, policy = map(message, as_read(made(file, TEXT)))
    assert isinstance(model, ModelApplied)
    assert base64.b64decode(model.content) == b"the bytes \x00\xff"
    assert model.model.sha256 == hashlib.sha256(b"the bytes \x00\xff").hexdigest()
    assert isinstance(policy, PolicyApplied)
    assert (policy.name, policy.policy_version, policy.text) == ("scored", file.version, TEXT)
    assert policy.model == model.model


def test_each_stands_under_its_content_on_the_policies_topic() -> None:
    file = scored_file(MODEL)
    keys = [(record.topic, record.key) for record in made(file, TEXT)]
    sha256 = hashlib.sha256(b"bytes").hexdigest()
    assert keys == [
        ("t.policy", f"model/{sha256}".encode()),
        ("t.policy", f"policy/{file.version}".encode()),
    ]


def test_a_policy_without_a_score_stands_alone() -> None:
    (policy,) = map(message, as_read(made(parse(PLAIN), PLAIN)))
    assert isinstance(policy, PolicyApplied)
    assert policy.model is None


def test_existing_records_are_not_written_again() -> None:
    existing = as_read(made(scored_file(MODEL), TEXT))
    assert made(scored_file(MODEL), TEXT, existing) == []


def test_a_new_policy_with_the_same_model_writes_the_policy_alone() -> None:
    existing = as_read(made(scored_file(MODEL), TEXT))
    stricter = TEXT.replace("fallback: medium", "fallback: frontier")
    (policy,) = map(message, as_read(made(scored_file(MODEL, stricter), stricter, existing)))
    assert isinstance(policy, PolicyApplied)


def test_returning_to_an_earlier_policy_is_recorded() -> None:
    first = as_read(made(parse(PLAIN), PLAIN))
    second = as_read(made(scored_file(MODEL), TEXT, first))
    (again,) = map(message, as_read(made(parse(PLAIN), PLAIN, [*first, *second])))
    assert isinstance(again, PolicyApplied)
    assert again.name == "plain"


def test_a_model_that_was_deleted_is_written_again() -> None:
    model, policy = as_read(made(scored_file(MODEL), TEXT))
    deleted = Incoming(model.topic, 0, 9, 0, model.key, None, ())
    (again,) = map(message, as_read(made(scored_file(MODEL), TEXT, [model, policy, deleted])))
    assert isinstance(again, ModelApplied)


MODELS = PLAIN + "models: {gpt-4o: small, ours/fast: small}\n"


def test_tiers_and_model_names_are_recorded() -> None:
    (policy,) = map(message, as_read(made(parse(MODELS), MODELS)))
    assert isinstance(policy, PolicyApplied)
    assert policy.tiers == ("small",)
    assert policy.models == {"gpt-4o": "small", "ours/fast": "small"}


def test_a_policy_on_record_from_before_tiers_is_written_once_more() -> None:
    (now,) = as_read(made(parse(PLAIN), PLAIN))
    before = json.loads(now.value or b"")
    del before["tiers"]
    old = replace(now, value=json.dumps(before).encode())
    again = as_read(made(parse(PLAIN), PLAIN, [old]))
    assert [record.key for record in again] == [now.key]
    assert made(parse(PLAIN), PLAIN, [old, *again]) == []
