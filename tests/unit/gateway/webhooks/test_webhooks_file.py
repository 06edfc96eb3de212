"""Errors in the webhooks file are reported with their place."""

from pathlib import Path

import pytest

from pointsman.gateway.webhooks.file import load
from pointsman.runtime.yaml_file import FileError

ENVIRON = {"HOOK": "whsec_" + "QUJD" * 8, "SHORT": "whsec_QUJD"}
GOOD = "{agent: app, url: 'https://app.example/x', secret_env: HOOK}"


def test_each_agent_has_its_own(tmp_path: Path) -> None:
    file = tmp_path / "webhooks.yaml"
    file.write_text(f"webhooks: [{GOOD}, {{agent: desk, url: 'http://127.0.0.1:9/', secret_env: HOOK}}]")
    rows = load(file, ENVIRON).webhooks
    assert [(row.agent, row.secret(ENVIRON)) for row in rows] == [("app", b"ABC" * 8), ("desk", b"ABC" * 8)]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{agent: app, url: 'https://x.example', secret_env: NONE}", "NONE"),
        ("{agent: app, url: 'https://x.example', secret_env: SHORT}", "24 to 64 bytes"),
        ("{agent: app, url: 'ftp://x.example', secret_env: HOOK}", "no address of a web server"),
        ("{agent: app, url: nonsense, secret_env: HOOK}", "no address of a web server"),
        ("{agent: app, url: 'https://x.example', secret: whsec_QUJD}", "secret"),
        ("{agent: app, url: 'https://x.example', secret_env: 'A B'}", "secret_env"),
        (f"{GOOD}, {GOOD}", "app is repeated"),
        ("{agent: '', url: 'https://x.example', secret_env: HOOK}", "agent"),
    ],
    ids=["unset", "short", "ftp", "no url", "a secret itself", "no variable", "twice", "nobody"],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, row: str, says: str) -> None:
    file = tmp_path / "webhooks.yaml"
    file.write_text(f"webhooks:\n  [{row}]\n")
    with pytest.raises(FileError, match=says) as wrong:
        load(file, ENVIRON)
    assert str(wrong.value).startswith(f"{file}:2:")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        load(tmp_path / "none.yaml", ENVIRON)
