"""Without a key nothing is hidden; with an unusable privacy file the audit does not start."""

from pathlib import Path

import pytest

from pointsman.audit.app import PrivacyKeyMissingError, build, privacy_of
from pointsman.audit.settings import AuditSettings
from pointsman.identity.keys import KeyUnreadableError
from pointsman.runtime.yaml_file import FileError

KEY = "22" * 32


def test_without_key_and_file_everything_is_stored_as_it_is() -> None:
    assert privacy_of(AuditSettings()) is None


def test_a_key_alone_encrypts_messages_with_a_subject(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    assert privacy_of(AuditSettings(audit_privacy_key_file=file)) is not None


@pytest.mark.parametrize(
    ("text", "key", "error"),
    [
        ("masks: []", "", PrivacyKeyMissingError),
        ("masks: []", "short", KeyUnreadableError),
        ("mask: []", KEY, FileError),
    ],
)
def test_unusable_settings_prevent_the_start(
    tmp_path: Path, text: str, key: str, error: type[Exception]
) -> None:
    file = tmp_path / "privacy.yaml"
    file.write_text(text)
    with pytest.raises(error):
        build(AuditSettings(privacy=file, audit_privacy_key=key))


def test_the_key_is_not_printed() -> None:
    assert KEY not in repr(AuditSettings(audit_privacy_key=KEY))
