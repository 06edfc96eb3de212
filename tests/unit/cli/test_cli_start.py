"""`--help` is fast because nothing heavy is imported, and every listed command exists."""

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from inspect import getmembers, isfunction, signature
from pathlib import Path

import pytest
from typer.models import ParameterInfo

import pointsman.cli
from pointsman.cli.agents.agents import COMMANDS as AGENTS
from pointsman.cli.audit.audit import COMMANDS as AUDITS
from pointsman.cli.bench.bench import COMMANDS as BENCHES
from pointsman.cli.command import SettingsOf
from pointsman.cli.lazy import loaded
from pointsman.cli.main import COMMANDS, FOLDERS
from pointsman.cli.review.review import COMMANDS as REVIEWS

#: command -> its module
MODULES = {name: f"pointsman.cli.{folder}.{name}" for folder, names in FOLDERS.items() for name in names}
HEAVY = (
    "aiohttp", "aiokafka", "asyncpg", "confluent_kafka", "faststream", "genai_prices", "openai", "pydantic",
    "rich", "uvicorn", "yaml",
)  # fmt: skip


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; sys.argv[0] = 'pointsman'; from pointsman.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['pointsman', '--help']\n"
        "from pointsman.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('loaded', sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: pointsman" in done.stdout
    loaded = done.stdout.rpartition("loaded ")[2]
    assert [name for name in HEAVY if f"'{name}'" in loaded] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_declaring_a_command_loads_nothing_heavy(name: str) -> None:
    code = f"import sys, {MODULES[name]}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & set(HEAVY) == set()


def test_a_commands_settings_load_neither_messages_nor_cryptography() -> None:
    code = "import sys, pointsman.cli.settings as own; own.load(own.CliSettings)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "pydantic_settings" in loaded
    assert loaded & {"pointsman_schemas.topics", "pointsman_schemas.jobs", "cryptography", "asyncpg"} == set()


@pytest.mark.parametrize(("name", "purpose"), COMMANDS.items())
def test_the_table_agrees_with_the_commands_help(name: str, purpose: str) -> None:
    command = loaded(MODULES[name])
    assert (command.help or "").partition("\n")[0] == purpose


GROUPS = {"audit": AUDITS, "bench": BENCHES, "agents": AGENTS, "review": REVIEWS}


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in GROUPS for name in GROUPS[group]])
def test_each_name_of_a_group_is_a_command(group: str, name: str) -> None:
    command = loaded(f"pointsman.cli.{group}.{group}").get_command(None, name)
    assert (command.name or name) == name
    assert command.help


def is_command(function: Callable[..., object]) -> bool:
    """Whether a function has options or arguments of a command line."""
    parameters = signature(function).parameters.values()
    marks = [mark for parameter in parameters for mark in getattr(parameter.annotation, "__metadata__", ())]
    return any(isinstance(mark, ParameterInfo | SettingsOf) for mark in marks)


def commands_in(path: Path) -> set[str]:
    """The names of the commands in a module, including subcommands."""
    module = import_module(f"pointsman.cli.{path.parent.name}.{path.stem}")
    if hasattr(module, "app"):
        return {path.stem}
    own = {
        name: value for name, value in getmembers(module, isfunction) if value.__module__ == module.__name__
    }
    return {name for name, function in own.items() if is_command(function)}


def test_every_command_is_in_the_table() -> None:
    folder = Path(pointsman.cli.__file__).parent
    modules = folder.glob("*/*.py")
    named = {f"pointsman.cli.{path.parent.name}.{name}" for path in modules for name in commands_in(path)}
    in_groups = {f"pointsman.cli.{group}.{name}" for group in GROUPS for name in GROUPS[group]}
    assert named == set(MODULES.values()) | {name.replace("-", "_") for name in in_groups}
    assert set(MODULES) == set(COMMANDS)


def test_without_a_command_the_help_is_shown_as_wrong_usage() -> None:
    done = run()
    assert done.returncode == 2
    assert "Commands:" in done.stdout + done.stderr


def test_a_typo_gets_a_suggestion() -> None:
    done = run("trase", "0123")
    assert done.returncode == 2
    assert "'trace'" in done.stderr
    assert "Traceback" not in done.stderr


def test_version_as_text_and_as_json() -> None:
    assert run("version").stdout.startswith("pointsman 0.")
    assert run("version", "--json").stdout.startswith('{"pointsman": "0.')


@pytest.mark.parametrize(
    ("service", "not_needed"),
    [
        ("router", {"aiohttp", "asyncpg", "confluent_kafka", "cryptography", "rich"}),
        ("worker", {"asyncpg", "confluent_kafka", "cryptography", "genai_prices", "httpx2", "rich"}),
        ("audit", {"aiohttp", "confluent_kafka", "genai_prices", "jsonpath_rfc9535", "regex", "rich"}),
    ],
)
def test_services_import_only_what_they_need(service: str, not_needed: set[str]) -> None:
    """Each module would cost every process memory."""
    code = f"import sys, pointsman.{service}.app\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & not_needed == set()


def test_version_is_an_option_too() -> None:
    assert run("--version").stdout == run("version").stdout
