"""docs/dev-stack.md agrees with the code about flags, settings and ports."""

import re
from pathlib import Path
from typing import Any

from pointsman.cli.lazy import loaded

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "dev-stack.md").read_text()


def options() -> dict[str, Any]:
    return {option.opts[0]: option for option in loaded("pointsman.cli.ops.dev").params}


def test_every_flag_exists_with_the_documented_default() -> None:
    known = options()
    named = set(re.findall(r"`(--[a-z-]+)", TEXT.replace("`--check`", "")))
    assert named <= known.keys()
    ports = "`--kafka-port`, `--postgres-port`, `--simulator-port` | defaults {}, {}, {} |"
    defaults = [known[name].default for name in ("--kafka-port", "--postgres-port", "--simulator-port")]
    assert ports.format(*defaults) in TEXT
    assert f"take; default {known['--patience'].default:.0f} |" in TEXT
    assert f"logs; default `{known['--data'].default}` |" in TEXT


def test_every_setting_is_read_somewhere() -> None:
    code = "".join(file.read_text() for file in (ROOT / "services" / "pointsman" / "dev").rglob("*.py"))
    settings = set(re.findall(r"`(POINTSMAN_[A-Z_]+|JAVA_HOME|XDG_CACHE_HOME)`", TEXT))
    assert settings == {"POINTSMAN_CACHE", "POINTSMAN_MAVEN_REPOSITORY", "JAVA_HOME", "XDG_CACHE_HOME"}
    assert all(f'"{name}"' in code for name in settings)
