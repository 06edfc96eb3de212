"""docs/post-mortem.md: its incident is replayed in the whole system, and every answer is compared.

POINTSMAN_WRITE_PAGES=1 writes the answers into the page instead.
"""

import asyncio
import os
import shlex
import sys
from pathlib import Path

import pytest

from tests.support.running.command import Command
from tests.support.running.system import System
from tests.support.running.told_page import asked_again, stable, told

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]
DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "post-mortem.md"


def told_to_services(system: System) -> dict[str, str]:
    variables = system.processes["router"].environment
    return {
        name: variables[name] for name in variables if name.startswith("POINTSMAN_") and "PORT" not in name
    }


async def shell(system: System, line: str, folder: Path) -> str:
    """The output of a shell line that uses this checkout's `pointsman`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POINTSMAN_")}
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", f'pointsman() {{ "{sys.executable}" -m pointsman.cli.main "$@"; }}\n{line}',
        env={**kept, **told_to_services(system)}, cwd=folder,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, f"{line}\n{err.decode()}"
    return out.decode()


async def test_every_answer_of_the_page_is_reproduced(system: System, tmp_path: Path) -> None:
    played = await shell(system, f'"{sys.executable}" {DOCS / "examples" / "incident.py"}', tmp_path)
    assert "40 jobs, 10 of them failed" in played
    jobs = 100

    async def all_are_on_record() -> bool:
        return len(await system.ended()) >= jobs

    await system.until(all_are_on_record, 60, f"{jobs} outcomes on record")
    pointsman = Command(tmp_path, told_to_services(system), told=False)
    variables: dict[str, str] = {}

    async def run(line: str) -> str:
        name, is_variable, _ = line.partition("=$(")
        if is_variable:
            variables[name] = (await shell(system, f'{line}\necho "${name}"', tmp_path)).strip()
            return ""
        for name, value in variables.items():
            line = line.replace(f"${name}", value)
        program, *arguments = shlex.split(line)
        assert program == "pointsman"
        done = await pointsman.run(*arguments)
        assert done.code == 0, f"{line}\n{done.err}"
        return done.out

    page = PAGE.read_text("utf-8")
    fresh = await asked_again(page, run)
    if os.environ.get("POINTSMAN_WRITE_PAGES") == "1":
        PAGE.write_text(fresh, "utf-8")
        return
    for before, now in zip(told(page), told(fresh), strict=True):
        for old, new in zip(before, now, strict=True):
            assert stable(new.output) == stable(old.output), old.command
