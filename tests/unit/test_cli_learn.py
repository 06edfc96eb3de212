"""Where a learned policy is written when nobody says."""

from pathlib import Path

import pytest

from pointsman.cli.learn import beside
from pointsman.router.settings import RouterSettings

SHIPPED = RouterSettings().policy


@pytest.mark.parametrize(
    ("policy", "folder"),
    [
        (SHIPPED, Path()),
        (SHIPPED.parent / ".." / SHIPPED.parent.name / SHIPPED.name, Path()),
        (Path("/etc/pointsman/policy.yaml"), Path("/etc/pointsman")),
        (Path("policy.yaml"), Path()),
    ],
)
def test_beside_the_policy_but_never_into_the_package(policy: Path, folder: Path) -> None:
    assert beside(policy, SHIPPED) == folder
