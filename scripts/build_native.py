"""Builds the router's native library from `services/native`, if a Rust compiler is there.

Run by itself it builds beside the sources and says what came of it; as a hook of the package's build it puts
the library into the wheel. Without a compiler there is no library, and every job takes the full path.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # run by itself
    BuildHookInterface = object  # type: ignore[assignment, misc]

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "services" / "native" / "lib.rs"
#: Where `pointsman.native.library` looks; one name on every system.
LIBRARY = ROOT / "services" / "pointsman" / "native" / "swift.so"
#: The first release that knows everything that is used.
LEAST = (1, 84)
_SECONDS = 300


def build() -> str | None:
    """Compile; returns why there is no library, None where there is one."""
    LIBRARY.unlink(missing_ok=True)
    compiler = shutil.which("rustc")
    if compiler is None:
        return "there is no Rust compiler (rustc)"
    said = subprocess.run([compiler, "--version"], check=False, capture_output=True, text=True).stdout
    try:
        release = tuple(int(part) for part in said.split()[1].split(".")[:2])
    except (IndexError, ValueError):
        return f"{compiler} does not say its version"
    if release < LEAST:
        return f"rustc is {'.'.join(map(str, release))}, {'.'.join(map(str, LEAST))} is needed"
    options = ["--edition", "2021", "--crate-type", "cdylib", "-C", "opt-level=3", "-C", "strip=symbols"]
    command = [compiler, *options, "-o", str(LIBRARY), str(SOURCE)]
    try:
        made = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return f"rustc was not done within {_SECONDS} s"
    return None if made.returncode == 0 else f"rustc failed:\n{made.stderr}"


class BuildHook(BuildHookInterface):
    """How hatchling calls it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build for the wheel; one that holds the library is for this system only."""
        problem = build()
        if problem is not None:
            self.app.display_warning(f"no native library: {problem}")
            return
        build_data["artifacts"].append(f"/{LIBRARY.relative_to(ROOT)}")
        if version != "editable":
            build_data["pure_python"] = False
            # Any Python of this system: the library is loaded, and not linked with it.
            build_data["tag"] = f"py3-none-{re.sub('[-.]', '_', sysconfig.get_platform())}"


if __name__ == "__main__":
    problem = build()
    if problem is not None:
        sys.exit(f"no native library: {problem}; every job takes the full path")
    sys.stdout.write(f"built {LIBRARY.relative_to(ROOT)}\n")
