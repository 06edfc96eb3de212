"""Rights of other software can be explained by a pattern, those of pointsman's users only one by one."""

from pathlib import Path

import pytest

from pointsman.access.changes import AccessChange
from pointsman.access.explained import NOTHING, load
from pointsman.bus.admin.acl import Acl, principal
from pointsman.runtime.errors import CommandError

EVERYBODY = Acl(principal("*"), "cluster", "kafka-cluster", "literal", "describe")
READS = Acl(principal("backup"), "topic", "*", "literal", "read")


def test_it_covers_users_by_name_or_prefix_and_single_rights(tmp_path: Path) -> None:
    file = tmp_path / "explained"
    file.write_text(f"# remarks\n\nuser backup\nuser shop.*\n! ACL {EVERYBODY}\n")
    explained = load(file, "pointsman")
    covered = [
        AccessChange("-", "acl", "backup", acl=READS),
        AccessChange("!", "user", "shop.web", "SCRAM-SHA-512"),
        AccessChange("!", "acl", "*", acl=EVERYBODY),
    ]
    left = [
        AccessChange("!", "user", "shop", "SCRAM-SHA-512"),
        AccessChange("!", "user", "backup2", "SCRAM-SHA-512"),
        AccessChange("+", "user", "shop.web", "SCRAM-SHA-512"),
        AccessChange("~", "role", "shop.web"),
    ]
    assert explained.without([*covered, *left]) == left
    assert NOTHING.without([*covered, *left]) == [*covered, *left]
    assert load(None, "pointsman") == NOTHING


@pytest.mark.parametrize("user", ["*", "p*", "pointsman.*", "pointsman.agent.x", "pointsman.*x"])
def test_it_does_not_cover_pointsmans_users(user: str, tmp_path: Path) -> None:
    file = tmp_path / "explained"
    file.write_text(f"user thief\nuser {user}\n")
    with pytest.raises(CommandError, match="explained:2: "):
        load(file, "pointsman")


def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        load(tmp_path / "none", "pointsman")
