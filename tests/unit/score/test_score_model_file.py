"""A model file is read exactly as written, or refused."""

import hashlib
import json

import pytest

from pointsman.score.model_file import parse
from pointsman.score.sealed import ModelFileError
from tests.support.router.made_score import trained


def test_it_is_known_by_the_hash_of_its_bytes() -> None:
    content = trained().content
    assert parse(content).version == hashlib.sha256(content).hexdigest()[:12]


def test_it_says_what_it_was_trained_on() -> None:
    trained_on = json.loads(trained().content)["trained_on"]
    assert trained_on["own"] == 600
    assert trained_on["recipe"]["hidden"] == 4


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_one_changed_byte_is_refused(share: float) -> None:
    content = bytearray(trained().content)
    at = int(len(content) * share)
    while not chr(content[at]).isalnum():
        at += 1
    content[at] = ord("B" if content[at] == ord("A") else "A") if chr(content[at]).isalpha() else ord("7") ^ 1
    if bytes(content) == trained().content:
        content[at] = ord("3")
    with pytest.raises(ModelFileError):
        parse(bytes(content))


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[]", b"null", b"{}", b'{"format": "pointsman-score-9"}', b"[" * 100_000],
    ids=["empty", "binary", "list", "null", "object", "another-form", "deep"],
)
def test_an_invalid_file_is_refused_with_a_hint(content: bytes) -> None:
    with pytest.raises(ModelFileError) as caught:
        parse(content)
    assert "train it again" in caught.value.hint


def test_a_cut_file_is_refused() -> None:
    with pytest.raises(ModelFileError):
        parse(trained().content[:-200])


@pytest.mark.parametrize("key", ["tiers", "weights", "heads", "bars", "rarity", "profile"])
def test_a_file_without_a_part_is_refused_even_with_a_right_checksum(key: str) -> None:
    body = json.loads(trained().content)
    del body[key], body["sha256"]
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    body["sha256"] = hashlib.sha256(canonical.encode()).hexdigest()
    with pytest.raises(ModelFileError, match="missing or wrong"):
        parse(json.dumps(body).encode())
