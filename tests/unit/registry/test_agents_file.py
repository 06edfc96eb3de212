"""Errors in agents.yaml are reported with their place, also about tiers that only the policy knows."""

import base64
import re
from datetime import date
from pathlib import Path

import pytest

from pointsman.runtime.yaml_file import FileError
from tests.support.text.parsed import parse_agents

TIERS = ("small", "medium")

BROKEN = """\
unregistered: maybe
agents:
  - {id: one, owner: x, tiers: [small, medum]}
  - {id: one, owner: y}
  - {id: two words, owner: y, kind: sql}
  - {id: three, max_chars: 0}
"""


def test_all_errors_are_reported_with_their_place() -> None:
    with pytest.raises(FileError) as caught:
        parse_agents(BROKEN, TIERS)
    problems = caught.value.problems
    for expected in (
        "agents.yaml:1:15: unregistered: must be 'admit' or 'reject'",
        "agents.yaml:3:32: agents[0].tiers: there is no tier `medum`, did you mean `medium`?",
        "agents.yaml:4:10: agents[1].id: agent `one` is listed twice",
        "agents.yaml:5:10: agents[2].id: must match",
        "agents.yaml:5:31: agents[2]: unknown key `kind`, did you mean `kinds`?",
        "agents.yaml:6:5: agents[3]: `owner` is missing",
        "agents.yaml:6:28: agents[3].max_chars: must be",
    ):
        assert [line for line in problems if line.startswith(expected)], (expected, problems)
    assert len(problems) == 7


def test_unregistered_is_required() -> None:
    with pytest.raises(FileError, match="`unregistered` is missing"):
        parse_agents("agents: []", TIERS)


def test_a_single_value_is_accepted_as_a_list() -> None:
    file = parse_agents(
        "{unregistered: reject, agents: [{id: a, owner: o, tiers: small, kinds: sql}]}", TIERS
    )
    assert file.agents[0].tiers == ("small",)
    assert file.agents[0].kinds == ("sql",)
    assert not file.registry.admits_unregistered


STRICT = """\
unregistered: reject
strict: true
agents:
  - {id: one, owner: x}
  - {id: two, owner: y, contact: y@example.com, expires: 2026-06-30}
  - {id: three, owner: z, contact: z@example.com, expires: 2026-05-30}
"""


def test_strict_requires_a_contact_and_expiry_within_90_days() -> None:
    with pytest.raises(FileError) as caught:
        parse_agents(STRICT, TIERS, today=date(2026, 3, 1))
    assert caught.value.problems == (
        "agents.yaml:4:5: agents[0]: `strict: true` asks for `contact`: how to reach the owner",
        "agents.yaml:4:5: agents[0]: `strict: true` asks for `expires`: a day within 90 days",
        "agents.yaml:5:58: agents[1].expires: is more than 90 days ahead; the latest is 2026-05-30",
    )
    assert parse_agents(STRICT.replace("strict: true\n", ""), TIERS, today=date(2026, 3, 1)).agents


BLANK = """
strict: true
unregistered: reject
agents:
  - {id: a, owner: "  ", contact: "\\t", expires: 2026-04-01}
  - {id: b, owner: x, contact: c, expires: 2026-03-01}
"""


def test_strict_refuses_blank_values_and_expired_entries() -> None:
    today = date(2026, 3, 1)
    with pytest.raises(FileError) as refused:
        parse_agents(BLANK, TIERS, today=today, registered={})
    assert refused.value.problems == (
        "agents.yaml:5:20: agents[0].owner: is blank; `strict: true` asks for the team that answers for it",
        "agents.yaml:5:35: agents[0].contact: is blank; `strict: true` asks how to reach the owner",
        "agents.yaml:6:44: agents[1].expires: is over: it would be refused from the start, "
        "today is 2026-03-01",
    )
    named = BLANK.replace('"  "', "x").replace('"\\t"', "c")
    # What is on record so has run out meanwhile; other changes are not held up by that.
    assert parse_agents(named, TIERS, today=today, registered={"b": today}).agents
    with pytest.raises(FileError, match="is over"):
        parse_agents(named, TIERS, today=today, registered={"b": date(2026, 2, 1)})


def test_signed_agents_need_keys_and_a_key_is_32_bytes() -> None:
    text = "{unregistered: reject, identity: signed, agents: [{id: a, owner: o%s}]}"
    with pytest.raises(FileError, match="asks for `public_keys`"):
        parse_agents(text % "", TIERS)
    with pytest.raises(FileError, match="32 bytes of an Ed25519 public key in base64; these are 3"):
        parse_agents(text % ", public_keys: AAAA", TIERS)
    with pytest.raises(FileError, match="must be base64"):
        parse_agents(text % ", public_keys: not-a-key!", TIERS)
    with pytest.raises(FileError, match="anybody can sign for this key"):
        parse_agents(text % f", public_keys: {base64.b64encode(bytes(32)).decode()}", TIERS)
    key = base64.b64encode(bytes(range(32))).decode()
    assert parse_agents(text % f", public_keys: {key}", TIERS).entries[0].public_keys == (key,)


def test_an_agent_with_a_kafka_login_has_an_id_that_a_topic_can_hold() -> None:
    text = "{unregistered: reject, agents: [{id: %s, owner: o, kafka: true}]}"
    assert parse_agents(text % "billing.eu-1", TIERS).entries[0].kafka
    with pytest.raises(FileError, match="cannot be part of a topic's name"):
        parse_agents(text % "team/billing", TIERS)


API_KEYS = """\
unregistered: reject
identity: signed
agents:
  - id: app
    owner: x
    api_keys: [{id: 0123456789ab, sha256: %s}]
  - id: other
    owner: x
    api_keys:
      - {id: aaaaaaaaaaaa, sha256: %s, expires: 2026-05-01}
"""


def test_an_agent_with_api_keys_needs_no_key_of_its_own() -> None:
    file = parse_agents(API_KEYS % ("a" * 64, "b" * 64), TIERS)
    assert [str(key.expires) for agent in file.entries for key in agent.api_keys] == ["None", "2026-05-01"]


def test_an_api_key_belongs_to_one_agent() -> None:
    with pytest.raises(FileError) as caught:
        parse_agents(API_KEYS % ("a" * 64, "a" * 64), TIERS)
    assert caught.value.problems == (
        "agents.yaml:10:9: agents[1].api_keys[0]: is a key of agent `app` too, so that nobody knows whose it "
        "is; make another: pointsman agents key --api",
    )


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("api_keys: [{id: x, sha256: %s}]", "api_keys[0].id: must match"),
        ("api_keys: [{id: aaaaaaaaaaaa, sha256: A}]", "api_keys[0].sha256: must match"),
        ("api_keys: [{id: aaaaaaaaaaaa}]", "api_keys[0]: `sha256` is missing"),
        (
            "api_keys: [{id: aaaaaaaaaaaa, sha256: %s}, {id: bbbbbbbbbbbb, sha256: %s}]",
            f"api_keys: `{'c' * 64}` is listed twice; list each key once",
        ),
        ("kafka: true, api_keys: [{id: aaaaaaaaaaaa, sha256: %s}]", "no gateway may read"),
        ("gateway: true", "asks for `public_keys`; make one: pointsman agents key FILE"),
    ],
)
def test_a_wrong_api_key_or_gateway_is_reported(entry: str, problem: str) -> None:
    text = entry.replace("%s", "c" * 64)
    with pytest.raises(FileError) as caught:
        parse_agents(f"{{unregistered: reject, agents: [{{id: a, owner: o, {text}}}]}}", TIERS)
    assert problem in str(caught.value)


def test_the_page_about_agents_says_how_keys_are_listed() -> None:
    page = (Path(__file__).parents[3] / "docs" / "agents.md").read_text("utf-8")
    example, keys = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert parse_agents(example, TIERS).entries[0].kafka
    app, gateway = parse_agents(keys, TIERS).entries
    assert (len(app.api_keys), gateway.gateway) == (1, True)
