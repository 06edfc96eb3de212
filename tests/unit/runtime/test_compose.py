"""compose/ without Docker: every file, command, variable, tier and metric that it names exists."""

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from jsonschema import Draft202012Validator
from prometheus_client import REGISTRY

from pointsman.audit.settings import AuditSettings
from pointsman.cli.main import app
from pointsman.gateway.settings import GatewaySettings
from pointsman.registry import agents_file
from pointsman.review.settings import ReviewSettings
from pointsman.router.policy import policy_file
from pointsman.router.settings import RouterSettings
from pointsman.runtime import metrics
from pointsman.runtime.settings import SettingsPart
from pointsman.store.settings import OwnerPart
from pointsman.worker import providers_file
from pointsman.worker.settings import WorkerSettings
from tests.support.running import compose

CHECKOUT = Path(__file__).parents[3]
FOLDER = CHECKOUT / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "pointsman:local"}
PASSWORDS = ("POSTGRES_PASSWORD", "WRITER_PASSWORD", "READER_PASSWORD", "CLAIMS_PASSWORD", "AUDIT_KEY")
WORKERS = {name for name in OURS if name.startswith("worker-")}
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
#: What typer raises for a command or option that is not there, whichever click it is built on.
WrongUsage: Any = typer.BadParameter.__base__
TIERS = policy_file.load(FOLDER / "config" / "policy.yaml").tiers


def settings_of(service: str) -> tuple[type[SettingsPart], ...]:
    """The settings classes that a service reads from its environment."""
    if service in WORKERS:
        return (WorkerSettings,)
    return {
        "setup": (RouterSettings, OwnerPart),
        "router": (RouterSettings,),
        "opinion": (RouterSettings,),
        "review": (ReviewSettings,),
        "gateway": (GatewaySettings,),
        "audit": (AuditSettings,),
        "simulator": (),  # set by its command line
    }[service]


def environment(service: str) -> dict[str, str]:
    """The container's environment with the defaults of a filled-in `.env`."""
    own = {name: str(value) for name, value in SERVICES[service].get("environment", {}).items()}
    image = dict(re.findall(r"(POINTSMAN_\w+)=(\S+)", DOCKERFILE))
    return image | {name: interpolated(value) for name, value in own.items()}


def interpolated(text: str) -> str:
    return compose.interpolated(text, dict.fromkeys(PASSWORDS, "secret"))


def command_lines(service: dict[str, Any]) -> Iterator[list[str]]:
    """The `pointsman` command lines of a service, without the program name."""
    match service.get("entrypoint"), service["command"]:
        case None, list(arguments):
            yield arguments
        case ["sh", "-c"], [script]:
            for line in script.split(" && "):
                program, *arguments = shlex.split(line)
                assert program == "pointsman", line
                yield arguments
        case other:
            pytest.fail(f"a command this test cannot read: {other}")


def parse(arguments: list[str]) -> Any:
    """The parsed context of the command in `arguments`, without running it."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("pointsman", list(arguments))
    while hasattr(command, "resolve_command"):
        rest = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, rest)
        assert command is not None, arguments
        context = command.make_context(name, rest, parent=context)
    return context


def test_it_keeps_to_the_compose_specification() -> None:
    vendored = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    specification = json.loads(vendored.read_text())
    errors = Draft202012Validator(specification).iter_errors(COMPOSE)
    assert [f"{list(error.path)}: {error.message}" for error in errors] == []


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.y*ml")), ids=lambda path: path.name)
def test_no_key_is_there_twice(path: Path) -> None:
    nodes = [yaml.compose(path.read_text())]
    while nodes:
        match nodes.pop():
            case yaml.MappingNode(value=pairs):
                keys = [key.value for key, _ in pairs]
                assert sorted(keys) == sorted(set(keys))
                nodes += [value for _, value in pairs]
            case yaml.SequenceNode(value=items):
                nodes += items


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_valid(name: str) -> None:
    lines = list(command_lines(OURS[name]))
    assert lines
    for arguments in lines:
        parse(arguments)


def test_an_invalid_command_is_detected() -> None:
    for wrong in (["run", "wroker"], ["run", "worker"], ["topics", "apply", "--force"], ["migrate"]):
        with pytest.raises(WrongUsage):
            parse(wrong)


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_read_and_its_value_is_good(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = environment(name)
    fields = {f"POINTSMAN_{field.upper()}" for kind in settings_of(name) for field in kind.model_fields}
    unread = {variable for variable in given if variable.startswith("POINTSMAN_")} - fields
    assert unread <= (
        {"POINTSMAN_HTTP_HOST", "POINTSMAN_HTTP_PORT"} if name in ("setup", "simulator") else set()
    )
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    for kind in settings_of(name):
        tier: dict[str, Any] = {"tier": name.removeprefix("worker-")} if kind is WorkerSettings else {}
        built = kind(**tier)
        assert getattr(built, "http_port", 8080) == 8080
        assert getattr(built, "http_host", "0.0.0.0") == "0.0.0.0"
        assert getattr(built, "kafka", "kafka:9092") == "kafka:9092"


def test_the_simulator_listens_where_the_providers_file_says() -> None:
    (arguments,) = command_lines(SERVICES["simulator"])
    listens = parse(arguments).params
    assert listens["host"] == "0.0.0.0", "or no other container reaches it"
    addresses = re.findall(r"^    base_url: (\S+)", (FOLDER / "config" / "providers.yaml").read_text(), re.M)
    assert addresses == [f"http://simulator:{listens['port']}/v1"]
    assert f", {listens['port']})" in SERVICES["simulator"]["healthcheck"]["test"][-1]


def test_variables_of_the_file_are_explained_in_the_example() -> None:
    used = set(re.findall(r"\$\{(\w+)", (FOLDER / "compose.yaml").read_text()))
    explained = set(re.findall(r"^#?(\w+)=", (FOLDER / ".env.example").read_text(), re.M))
    assert used == explained


def test_secrets_have_no_default_and_reach_only_who_needs_them() -> None:
    text = (FOLDER / "compose.yaml").read_text()
    for password in PASSWORDS:
        assert set(re.findall(rf"\$\{{{password}(:.)", text)) <= {":?", "}"}, password
        assert not re.search(rf"^{password}=.+", (FOLDER / ".env.example").read_text(), re.M)
    with_key = {
        name for name, service in SERVICES.items() if "OPENAI_API_KEY" in service.get("environment", {})
    }
    assert with_key == WORKERS
    assert [name for name in OURS if "POINTSMAN_AUDIT_KEY" in environment(name)] == ["audit"]
    holders = {
        role: {name for name in OURS if f"POINTSMAN_POSTGRES{role}" in environment(name)}
        for role in ("", "_WRITER", "_OWNER")
    }
    assert {name for name in OURS if "POINTSMAN_CLAIMS" in environment(name)} == {
        "router",
        "opinion",
        "review",
        "gateway",
        *WORKERS,
    }
    assert holders == {"": set(), "_WRITER": {"audit"}, "_OWNER": {"setup"}}


def test_images_have_tags_and_the_project_builds_its_own_once() -> None:
    images = [service["image"] for service in SERVICES.values()]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    for image in images:
        assert re.search(r":[\w.-]+$", image), image
        assert not image.endswith(":latest"), image
    assert [name for name, service in SERVICES.items() if "build" in service] == ["setup"]
    assert {service["pull_policy"] for service in OURS.values()} == {"never"}
    build = SERVICES["setup"]["build"]
    assert (FOLDER / build["context"] / build["dockerfile"]).resolve() == FOLDER / "Dockerfile"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"setup"}))
def test_every_service_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= set(check)
    if name in OURS and name != "simulator":
        assert "http://127.0.0.1:8080/readyz" in check["test"][-1]
        compile(check["test"][-1], "healthcheck", "exec")


@pytest.mark.parametrize("name", OURS)
def test_every_service_of_ours_can_be_scaled(name: str) -> None:
    ports = () if name == "gateway" else ("ports",)  # one that may be a range
    assert not {*ports, "container_name", "hostname"} & set(OURS[name])
    assert "deploy" not in OURS[name]


@pytest.mark.parametrize("name", OURS)
def test_services_of_ours_have_no_more_rights_than_they_need(name: str) -> None:
    assert OURS[name]["read_only"] is True
    assert OURS[name]["cap_drop"] == ["ALL"]


def test_ports_are_open_to_this_machine_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    for port in published:
        assert re.fullmatch(r"127\.0\.0\.1:\$\{\w+:-\d+\}:\d+", port), port


def test_setup_comes_after_the_stores_and_before_everything_else() -> None:
    assert SERVICES["setup"]["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "postgres": {"condition": "service_healthy"},
    }
    for name in set(OURS) - {"setup"}:
        assert SERVICES[name]["depends_on"]["setup"]["condition"] == "service_completed_successfully"


def test_clients_on_this_machine_are_sent_to_the_published_port() -> None:
    kafka = SERVICES["kafka"]
    listeners = dict(listener.split("://") for listener in kafka["environment"]["KAFKA_LISTENERS"].split(","))
    advertised = dict(
        listener.split("://") for listener in kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")
    )
    assert kafka["ports"] == [f"{advertised['EXTERNAL']}:{listeners['EXTERNAL'].removeprefix(':')}"]
    assert advertised["INTERNAL"] == environment("router")["POINTSMAN_KAFKA"]


def test_mounted_files_are_there_and_volumes_are_declared() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (FOLDER / source).exists(), (name, source)
            else:
                assert source in COMPOSE["volumes"], (name, source)
    for name in OURS:
        for variable, value in environment(name).items():
            if value.startswith("/etc/pointsman/"):
                assert (FOLDER / "config" / Path(value).name).is_file(), (name, variable)


class TestConfig:
    """The three configuration files, read by the project's own loaders."""

    def test_every_tier_has_a_worker_that_serves_it(self) -> None:
        assert {f"worker-{tier}" for tier in TIERS} == WORKERS
        for name in WORKERS:
            assert SERVICES[name]["command"][-2:] == ["--tier", name.removeprefix("worker-")]

    @pytest.mark.parametrize("tier", TIERS)
    def test_every_tier_has_a_provider(self, tier: str) -> None:
        row, provider = providers_file.load(FOLDER / "config" / "providers.yaml", tier=tier, environ={}).of(
            tier
        )
        assert row.model
        assert provider.base_url == "http://simulator:8080/v1"
        assert "simulator" in SERVICES

    def test_the_real_provider_in_the_comment_is_one(self, tmp_path: Path) -> None:
        text = (FOLDER / "config" / "providers.yaml").read_text()
        real = re.sub(r"^  # (- name|  \w+:)", r"  \1", text, flags=re.M).replace(
            "provider: simulator", "provider: openai"
        )
        (tmp_path / "providers.yaml").write_text(real)
        keys = {"OPENAI_API_KEY": "k"}
        _, provider = providers_file.load(tmp_path / "providers.yaml", tier="small", environ=keys).of("small")
        assert provider.key_env in environment("worker-small")

    def test_unregistered_agents_are_rejected(self) -> None:
        registry = agents_file.load(FOLDER / "config" / "agents.yaml", TIERS).registry
        assert registry.admits_unregistered is False
        assert registry.agents


class TestMetrics:
    """Prometheus finds every service, and the dashboard uses only exported metrics."""

    prometheus = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    dashboard = json.loads((FOLDER / "grafana" / "dashboards" / "pointsman.json").read_text())

    def test_every_service_with_metrics_is_scraped(self) -> None:
        (job,) = self.prometheus["scrape_configs"]
        (names,) = job["dns_sd_configs"]
        assert set(names["names"]) == set(OURS) - {"setup", "simulator"}
        assert names["port"] == int(environment("router")["POINTSMAN_HTTP_PORT"])

    def panels(self) -> list[tuple[str, str, str]]:
        return [
            (panel["title"], target["expr"], target["legendFormat"])
            for panel in self.dashboard["panels"]
            for target in panel.get("targets", ())
        ]

    def test_every_metric_of_the_dashboard_is_declared_with_its_labels(self) -> None:
        labels = exported()
        for title, expression, legend in self.panels():
            names = set(re.findall(r"pointsman_\w+", expression))
            assert names, title
            assert names <= set(labels), title
            (known,) = {frozenset(labels[name]) for name in names}
            asked = set(re.findall(r"(\w+)(?==|!=|=~)", expression)) | set(re.findall(r"{{(\w+)}}", legend))
            for group in re.findall(r"by \(([^)]*)\)", expression):
                asked |= set(re.split(r",\s*", group))
            assert asked <= known | {"le", "service"}, title

    def test_every_declared_metric_is_on_the_dashboard(self) -> None:
        expressions = " ".join(expression for _, expression, _ in self.panels())
        for metric in declared():
            assert metric._name in expressions, metric._name

    def test_panels_are_distinct_and_do_not_overlap(self) -> None:
        panels = self.dashboard["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        cells = [
            (x, y)
            for panel in panels
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(set(cells)) == len(cells)
        assert max(x for x, _ in cells) < 24

    def test_grafana_knows_the_data_source_and_finds_the_dashboard(self) -> None:
        folder = FOLDER / "grafana" / "provisioning"
        (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())["datasources"]
        assert {
            panel["datasource"]["uid"] for panel in self.dashboard["panels"] if "datasource" in panel
        } == {source["uid"]}
        assert source["url"] == "http://prometheus:9090"
        (provider,) = yaml.safe_load((folder / "dashboards" / "pointsman.yaml").read_text())["providers"]
        mounts = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]]
        assert provider["options"]["path"] in mounts


def declared() -> list[Any]:
    """The declared metric objects."""
    return [
        value for name, value in vars(metrics).items() if name.isupper() and hasattr(value, "_labelnames")
    ]


def exported() -> dict[str, tuple[str, ...]]:
    """The labels of every exported series by name."""
    return {
        series: metric._labelnames
        for metric in declared()
        for series in REGISTRY._collector_to_names[metric]
        if not series.endswith("_created")
    }


class TestDockerfile:
    """Checks that need no build."""

    def test_it_ends_as_a_user_without_rights_and_runs_the_program(self) -> None:
        last = DOCKERFILE[DOCKERFILE.rindex("FROM ") :]
        assert re.findall(r"^USER (\S+)", last, re.M) == ["10001"]
        assert 'ENTRYPOINT ["pointsman"]' in last
        assert re.search(r"^RUN useradd --uid 10001", last, re.M)

    def test_what_it_copies_is_there_and_reaches_the_builder(self) -> None:
        rules = (FOLDER / "Dockerfile.dockerignore").read_text().split("\n")
        assert "*" in rules, "everything is left out but what is named"
        copied = [
            source
            for line in re.findall(r"^COPY (?!--from)(.+)", DOCKERFILE, re.M)
            for source in line.split()[:-1]
        ]
        assert copied
        for source in copied:
            assert (CHECKOUT / source).exists(), source
            assert f"!{source}" in rules, source

    def test_what_is_installed_is_pinned_for_each_extra_that_the_example_names(self) -> None:
        known = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        (named,) = re.findall(r"^#EXTRAS=(\S+)", (FOLDER / ".env.example").read_text(), re.M)
        assert named in known
        assert SERVICES["setup"]["build"]["args"] == {"EXTRAS": "${EXTRAS:-}"}
        (target,) = re.findall(r'--require-hashes -r ("\S+")', DOCKERFILE)
        for given, file in (("", "service.txt"), (named, f"service-{named}.txt")):
            shell = f"EXTRAS={given}; echo {target}"
            asked = subprocess.check_output(["sh", "-c", shell], text=True).strip()
            assert asked == f"requirements/{file}"
            assert (CHECKOUT / asked).exists()

    def test_the_python_is_one_that_the_project_supports(self) -> None:
        versions = set(re.findall(r"^FROM python:(\d+\.\d+)[.\d]*-slim", DOCKERFILE, re.M))
        assert versions == {"3.11"}
        assert 'requires-python = ">=3.11"' in (CHECKOUT / "pyproject.toml").read_text()
