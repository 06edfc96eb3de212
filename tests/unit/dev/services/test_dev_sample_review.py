"""Five sample jobs wait for a person if the starter files are used; own files are never changed."""

import shlex
from pathlib import Path

from pointsman import starter
from pointsman.access.derive import derive
from pointsman.dev import samples
from pointsman.dev.servers.broker_security import BrokerSecurity
from pointsman.dev.services.gateway_agents import with_gateway
from pointsman.dev.services.sample_review import REVIEWER, asks, deciding, with_review
from pointsman.dev.services.secure_agents import secured
from pointsman.dev.services.secure_logins import SecureLogins
from pointsman.registry.agents_file import load as load_agents
from pointsman.router.policy.policy_file import load
from pointsman_schemas.topics import Topics

TIERS = ("small", "medium", "frontier")
STARTER = load_agents(starter.AGENTS, TIERS)


def test_the_policy_is_ours_and_a_threshold_that_five_of_the_jobs_meet(tmp_path: Path) -> None:
    file = with_review(tmp_path)
    assert file.read_text("utf-8").startswith(starter.POLICY.read_text("utf-8"))
    section = load(file).review
    assert section is not None
    (threshold,) = section.thresholds
    kinds = threshold.kinds or ()
    assert [job["agent_id"] for job in samples.load() if job["kind"] in kinds] == ["contract-reviewer"] * 5
    assert [queue.name for queue in section.queues] == list(REVIEWER.reviews or ()) == [threshold.queue]


def test_a_users_own_files_are_not_changed(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    assert asks(starter.POLICY, starter.AGENTS)
    assert not asks(own, starter.AGENTS), "its thresholds are its owner's"
    assert not asks(starter.POLICY, own), "nobody in it may decide"


def test_the_reviewer_is_registered_in_an_open_stack(tmp_path: Path) -> None:
    entries = load_agents(with_gateway(tmp_path, starter.AGENTS, STARTER.entries, [REVIEWER]), TIERS).entries
    assert REVIEWER.id in [entry.id for entry in entries]
    assert deciding(entries, None) == f"pointsman review approve {{job}} --by {REVIEWER.id}"
    assert deciding(STARTER.entries, None) is None


def test_in_a_secure_stack_the_reviewer_signs_and_logs_in_as_reviewers_do(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    security = BrokerSecurity(folder, "p")
    file = secured(STARTER, security, "p", [REVIEWER])
    entries = load_agents(file, TIERS).entries
    (entry,) = [entry for entry in entries if entry.id == REVIEWER.id]
    assert entry.public_keys and not entry.kafka
    logins = SecureLogins(security, "127.0.0.1:1", "postgresql://", derive(Topics("p"), TIERS, []), file)
    command = deciding(entries, logins)
    assert command is not None
    words = shlex.split(command.format(job="JOB").strip("()").replace(";", " "))
    assert words[:4] == ["set", "-a", ".", str(folder / "p.reviewer.env")]
    assert words[4:10] == ["pointsman", "review", "approve", "JOB", "--by", REVIEWER.id]
    assert words[10] == "--key" and Path(words[11]).is_file()
