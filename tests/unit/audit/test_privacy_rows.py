"""How privacy.yaml changes a row: which rules apply, and what is noted beside masked values."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pointsman.audit.masking import Masking
from pointsman.audit.privacy_file import PrivacyFile
from pointsman.audit.records.rows import row_of
from pointsman.store.append.row import Row
from pointsman.store.privacy.keyring import Sealing
from pointsman.store.privacy.privacy_note import Note
from pointsman.store.verify.walk import digest_by_row, digest_of
from pointsman_schemas.envelope import envelope_after, from_headers
from tests.support.bus.example_records import NAMES, TOPICS, example, story
from tests.support.store.privacy import EMAIL, NOW, PATIENT, intake, letter, privacy, protected, telling
from tests.support.text.parsed import parse_privacy

JOB = {"agent_id": "clinic", "prompt": "Name three primes."}


def rules(**rule: Any) -> PrivacyFile:
    return parse_privacy(json.dumps({"masks": [{"name": "rule", **rule}]}))


def value(row: Row) -> Any:
    return json.loads(row.value or b"null")


def note(row: Row) -> Note:
    assert row.privacy is not None
    return Note.read(row.privacy)


def test_masked_values_name_their_rule_and_the_rest_is_kept() -> None:
    row = protected(telling(0))
    masked = value(row)
    assert masked["metadata"]["ward"] == "7"
    assert masked["metadata"]["patient"].startswith("[masked patient ")
    first, second = masked["prompt"].removeprefix("Write to ").removesuffix(".").split(" about ")
    assert first.startswith("[masked contact ")
    assert second.startswith("[masked contact ")
    assert first != second
    assert (row.kind, row.agent_id, row.unreadable) == ("job.submitted.v1", "clinic", None)
    assert note(row).rules == ("patient", "contact")
    assert digest_of(row) == digest_by_row(row) == note(row).stored
    assert json.loads(row.payload or "") == masked


@pytest.mark.parametrize("name", NAMES)
def test_a_record_without_matches_is_stored_unchanged(name: str) -> None:
    record = example(name)
    assert protected(record, parse_privacy("masks: [{name: iban, patterns: [iban]}]")) == row_of(
        record, TOPICS
    )


@pytest.mark.parametrize(
    ("rule", "masked"),
    [
        ({"patterns": ["email"]}, True),
        ({"patterns": ["email"], "topics": ["jobs.*"]}, True),
        ({"patterns": ["email"], "topics": ["calls"]}, False),
        ({"patterns": ["email"], "types": ["job.submitted.v1"]}, True),
        ({"patterns": ["email"], "types": ["job.routed.*"]}, False),
        ({"patterns": ["email"], "paths": ["$.prompt"]}, True),
        ({"patterns": ["email"], "paths": ["$.metadata"]}, False),
        ({"paths": ["$['metadata', 'prompt']"]}, True),
    ],
)
def test_a_rule_applies_where_it_says(rule: dict[str, Any], masked: bool) -> None:
    assert (protected(telling(0), rules(**rule)).privacy is not None) is masked


@pytest.mark.parametrize(
    ("reference", "claim"),
    [
        (b"s3://b/" + b"0a" * 32, "0a" * 32),
        (b"s3://b/file", None),
        (b"\xff" * 64, None),
        (b"", None),
        (None, None),
    ],
)
def test_the_value_that_a_masked_row_names_is_noted(reference: bytes | None, claim: str | None) -> None:
    header: Any = ("ce_dataref", reference)
    assert note(protected(replace(telling(0), headers=(header,)))).claim == claim


def test_a_dead_letter_is_masked_as_what_it_was() -> None:
    row = protected(letter(telling(0), 3), rules(paths=["$.prompt"], topics=["jobs.intake"], types=["job.*"]))
    assert note(row).rules == ("rule",)
    assert protected(letter(telling(0), 3), rules(paths=["$.prompt"], topics=["calls"])).privacy is None
    headers = dict(json.loads(row.headers))
    assert headers["ce_detail"] == "[masked]"
    assert headers["ce_reason"] == "wrong_type"


def test_an_unsearchable_value_is_masked_as_a_whole() -> None:
    by_path = rules(paths=["$.prompt"])
    deep = b'{"prompt": ' + b"[" * 400 + b"]" * 400 + b"}"
    for sent in (b"not JSON", b'{"prompt": "a", "prompt": "b"}', b'{"prompt": NaN}', deep):
        kept = protected(intake(0, sent), by_path).value or b""
        assert kept.startswith(b'"[masked rule '), sent


def test_a_masked_value_is_masked_everywhere_in_the_record() -> None:
    file = parse_privacy("masks: [{name: ward, paths: [$.metadata.ward, $.metadata.bed]}]")
    job = {
        **JOB,
        "prompt": "Who lies on ward Seven, in 4?",
        "metadata": {"ward": "Seven", "bed": 4, "n": 12345},
    }
    row = protected(intake(0, job, ("x-ward", b"Seven"), key=b"ward-Seven"), file)
    masked = value(row)
    assert masked["prompt"] == "Who lies on ward [masked], in 4?", "a short text stands anywhere by chance"
    assert masked["metadata"]["bed"].startswith("[masked ward ")
    assert masked["metadata"]["n"] == 12345
    assert row.key == b"ward-[masked]"
    assert json.loads(row.headers) == [["x-ward", "[masked]"]]


def test_names_in_columns_stay_unless_they_are_what_is_masked() -> None:
    whole = protected(intake(0, JOB), rules(paths=["$"]))
    assert (whole.agent_id, whole.kind) == ("clinic", "job.submitted.v1")
    agent = protected(intake(0, JOB), rules(paths=["$.agent_id"]))
    assert agent.agent_id == "[masked]"


def test_policies_and_checkpoints_are_masked_only_where_a_rule_names_them() -> None:
    record = example("policy.applied.v1")
    assert protected(record, rules(paths=["$.text"])).privacy is None
    assert protected(record, rules(paths=["$.text"], topics=["policy"])).privacy is not None


def test_equal_values_are_not_seen_to_be_equal_across_messages() -> None:
    one, two = (value(protected(telling(offset)))["metadata"]["patient"] for offset in (0, 1))
    assert one != two
    assert one == value(protected(telling(0)))["metadata"]["patient"]


def test_if_masking_fails_no_content_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Masking, "mask", lambda *_: 1 / 0)
    row = protected(telling(0))
    assert (row.key, row.value, row.headers, row.payload) == (None, None, "[]", None)
    assert digest_of(row) == digest_by_row(row)
    assert PATIENT not in repr(row)
    assert EMAIL not in repr(row)


#: Where a message may say whom it is about.
ABOUT = "somebody@example.org"
SAID = {
    "the job": intake(0, {**JOB, "metadata": {"data_subject": ABOUT}}),
    "a header": intake(0, JOB, ("ce_datasubject", ABOUT.encode())),
    "a dead letter's own header": letter(intake(0, b"x", ("ce_datasubject", ABOUT.encode())), 1),
    "a dead letter's job": letter(intake(0, {**JOB, "metadata": {"data_subject": ABOUT}}), 1),
    "a routed job": intake(0, {"job": {"metadata": {"data_subject": ABOUT}}}),
    "a job that is cut off": intake(0, b'{"metadata": {"data_subject": "somebody\\u0040example.org"}, "pro'),
    "a job that is none": intake(0, {"metadata": {"data_subject": ABOUT}, "agent_id": 7}),
}


@pytest.mark.parametrize("kind", SAID)
def test_a_message_about_a_person_is_encrypted(kind: str) -> None:
    row = protected(SAID[kind])
    assert note(row).subject == note(protected(SAID["the job"])).subject
    assert (row.key, row.headers, row.payload) == (None, "[]", None)
    assert digest_of(row) == digest_by_row(row)
    assert ABOUT.encode() not in (row.value or b"")


def test_masked_and_encrypted_rows_keep_the_records_digest() -> None:
    record = telling(0, metadata={"data_subject": ABOUT})
    made = privacy()
    sealing = Sealing(made.keyring)
    row = made.row(record, sealing)
    assert note(row).rules == ("contact",)
    assert row.record_sha256 == sealing.key_of(ABOUT).digest(row_of(record, TOPICS).record_sha256)


def test_the_file_may_mark_messages_by_agent_and_by_path() -> None:
    file = parse_privacy("subjects: [{path: $.metadata.customer}, {agent: 'diary-*', subject: diary}]")
    jobs: list[dict[str, Any]] = [
        {"metadata": {"customer": 12}},
        {"agent_id": "diary-7"},
        {"metadata": {"customer": ""}},
    ]
    is_private = [protected(intake(0, {**JOB, **job}), file).privacy is not None for job in jobs]
    assert is_private == [True, True, False]


def test_a_subject_is_passed_on_to_following_messages() -> None:
    cause = from_headers(story(0, NOW)[0].headers)
    assert cause is not None
    about = replace(cause, data_subject=ABOUT)
    made = envelope_after(about, ("t", 0, 0), step="call:1", source="w", type="call.finished.v1", time=NOW)
    assert dict(made.to_headers())["ce_datasubject"] == ABOUT.encode()
    assert from_headers(made.to_headers()) == made
