"""Signing examples in plain Python, Node and Go give the same bytes as the client."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.identity.keys import PrivateKey
from pointsman.identity.signature import signature_header
from tests.unit.identity.test_identity_signature import ID, TIME, TOPIC, VALUE, signed

FOLDER = Path(__file__).parents[3] / "docs" / "examples" / "signing"
PROGRAMS = {"sign.py": [sys.executable], "sign.mjs": ["node"], "sign.go": ["go", "run"]}
#: Key, ce_id, ce_time, value.
MESSAGES = [
    ("11" * 32, ID, TIME, VALUE),
    ("22" * 32, ID, b"2026-11-25T17:53:29.1Z", "ä\n\0\r\n".encode()),
    ("c0ffee" + "00" * 29, b"any", b"2026-11-25T18:53:29+01:00", b""),
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_language_signs_the_same(program: str, tmp_path: Path) -> None:
    command = PROGRAMS[program]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not there")
    if program == "sign.go":  # compiled once
        built = tmp_path / "sign"
        subprocess.run(["go", "build", "-o", built, FOLDER / program], cwd=tmp_path, check=True)
        command = [str(built)]
    else:
        command = [*command, str(FOLDER / program)]
    for key, id, time, value in MESSAGES:
        asked = [*command, key, TOPIC, id.decode(), time.decode()]
        ran = subprocess.run(asked, input=value, capture_output=True, check=True)
        own = (("ce_id", id), ("ce_time", time))
        _, expected = signature_header(PrivateKey.parse(key), TOPIC, own, value)
        assert ran.stdout.strip() == expected


def test_the_first_message_is_the_vector_of_the_contract() -> None:
    page = (FOLDER.parents[1] / "contract.md").read_text(encoding="utf-8")
    header = dict(signed())["ce_signature"].decode()
    assert all(text in page for text in ("11" * 32, header, ID.decode(), TIME.decode(), VALUE.decode()))
