"""Every command of the README works as described, in its order."""

import asyncio
import os
import re
import shlex
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from pointsman import Client, starter
from pointsman.dev.ports import free_port
from pointsman.dev.services.fleet import files
from pointsman.dev.services.gateway_agents import with_gateway
from pointsman.dev.services.sample_review import REVIEWER, with_review
from pointsman.registry.agents_file import load
from pointsman.registry.publish import apply_file
from tests.conftest import Kafka
from tests.support.running.command import Command
from tests.support.running.forked import Forked
from tests.support.running.system import TIERS, System

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
JOB_IN_README, CASE_IN_README = "87fe6e5e557b", "52dd71cff0b3"


def commands() -> list[str]:
    """All lines of `sh` blocks, and what follows the prompt in `console` blocks."""
    command_lines: list[str] = []
    for language, block in re.findall(r"^```(sh|console)\n(.*?)^```", README, re.DOTALL | re.MULTILINE):
        lines = block.splitlines()
        command_lines += lines if language == "sh" else [line[2:] for line in lines if line.startswith("$ ")]
    return command_lines


def named_in(page: Path) -> list[str]:
    """Files of the project that a page names."""
    text = page.read_text("utf-8")
    if "**Superseded**" in text:
        return []  # it describes the past
    return re.findall(r"`((?:services|schemas|tests|docs|compose|scripts)/[^`*<]*)`", text)


def test_the_readme_is_short_and_names_many_files() -> None:
    assert len(README.splitlines()) <= 250
    assert len(named_in(ROOT / "README.md")) > 15


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], ids=lambda page: page.name)
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    assert [path for path in named_in(page) if not (ROOT / path).exists()] == []


def test_ci_runs_the_scripts_of_the_readme() -> None:
    scripts = {line for line in commands() if line.startswith("./scripts/")}
    assert scripts == {"./scripts/dev --once", "./scripts/test"}
    ci = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert scripts <= {line.removesuffix(" --fresh") for line in ci}


@pytest.fixture
async def whole_system(kafka: Kafka, database: str, tmp_path: Path) -> AsyncIterator[System]:
    """All services of the dev stack, including gateway and review."""
    folder = tmp_path / "system"
    folder.mkdir()
    started = System(
        folder, kafka.bootstrap, database, kafka.prefix,
        review=True, gateway=True, POINTSMAN_POLICY=str(with_review(folder)),
    )  # fmt: skip
    try:
        await started.start()
        agents = with_gateway(folder, starter.AGENTS, load(starter.AGENTS, TIERS).entries, [REVIEWER])
        await apply_file(started.settings, started.topics, load(agents, TIERS), by="tests")
        yield started
    finally:
        started.stop()


async def test_every_other_command_works(whole_system: System, tmp_path: Path) -> None:
    system = whole_system
    folder = tmp_path / "reader"
    folder.mkdir()
    (folder / "services").symlink_to(ROOT / "services")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("POINTSMAN_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        **files(),  # as in the dev stack, except for two
        **{f"POINTSMAN_{name.upper()}": f"{tmp_path}/system/{name}.yaml" for name in ("policy", "agents")},
        "POINTSMAN_KAFKA": system.bootstrap,
        "POINTSMAN_PREFIX": system.prefix,
        "POINTSMAN_POSTGRES": system.processes["router"].environment["POINTSMAN_POSTGRES"],
        "POINTSMAN_POSTGRES_WRITER": system.dsn,
        "POINTSMAN_POSTGRES_OWNER": system.dsn,
        "POINTSMAN_SIMULATOR": system.processes["simulator"].url,
        "OPENAI_BASE_URL": f"{system.processes['gateway'].url}/v1",
        "OPENAI_API_KEY": "any",
    }
    async with Client(kafka=system.bootstrap, prefix=system.prefix, agent_id="math-tutor") as client:
        outcome = await client.submit(prompt="What is 3 times 3?", kind="math")
        case = await client.publish(prompt="May we cancel?", kind="contract")
    await system.until_ended([str(outcome.job_id)], 30)
    await system.until(lambda: waits(system, case), 120, "a case")

    ids = {JOB_IN_README: str(outcome.job_id), CASE_IN_README: str(case)}
    others = [line for line in commands() if line[0] != "."]
    for documented, own in ids.items():
        assert any(documented in line for line in others)
        others = [line.replace(documented, own) for line in others]
    assert len(others) > 10
    for number, line in enumerate(others):
        if line.startswith("pointsman run "):
            await serve(line, folder, environment)
        elif line.startswith("pointsman ") and number > 0:  # the first one is the installed program's
            done = await Command(folder, environment, told=False).run(*shlex.split(line)[1:])
            assert done.code == 0, f"{line}\n{done.out}\n{done.err}"
        else:
            await finish(line, folder, environment)


async def waits(system: System, job_id: UUID) -> bool:
    return bool(await system.fetch("select from audit.reviews where job_id = $1", job_id))


async def finish(line: str, folder: Path, environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_shell(
        line, cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, f"{line}\n{out.decode()}\n{err.decode()}"


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


async def serve(line: str, folder: Path, environment: dict[str, str]) -> None:
    """Starts a service, waits until it is ready, and stops it; it must end normally."""
    port, log = free_port(), folder / "service.log"
    service = Forked(line.split()[1:], {**environment, "POINTSMAN_HTTP_PORT": str(port)}, log, folder)
    try:
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(is_ready, port):
                assert service.poll() is None, log.read_text()
                await asyncio.sleep(0.1)
        service.terminate()
        assert await asyncio.to_thread(service.wait, 60) == 0, log.read_text()
    finally:
        service.kill()
