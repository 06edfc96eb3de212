"""The built-in model can be named in a policy, and is as docs/policy.md describes it."""

import os
import subprocess
import sys
from pathlib import Path

from pointsman.router.policy.policy import Policy, decide
from pointsman.router.policy.policy_file import PolicyFile, parse
from tests.support.router.scored_policy import TEXT
from tests.unit.router.policy.test_policy import job

BUILTIN = TEXT.replace("model: fixed, quality: 0.99", "model: builtin, quality: 0.99, tiers: {medium: mid}")
PAGE = (Path(__file__).parents[4] / "docs" / "policy.md").read_text("utf-8")


def read() -> PolicyFile:
    return parse(BUILTIN)


def test_it_is_read_from_the_package_and_is_part_of_the_version() -> None:
    file = read()
    assert file.score is not None
    assert file.score.model.model.version == file.score.model.sha256[:12]
    assert file.version == read().version
    assert "calls its tiers {}, {} and {}".format(*file.score.model.model.tiers) in PAGE


def test_what_it_decides_is_said_in_the_policys_own_words_and_is_the_same_every_time() -> None:
    policy = Policy.compile(read())
    asked = job("A farmer has 12 hens and each lays 5 eggs a week. How many eggs are laid in 3 weeks?")
    decision = decide(policy, asked)
    assert decision == decide(Policy.compile(read()), asked)
    names = {check.name for check in decision.checks if check.layer == "score"}
    assert names <= {"small", "medium", "frontier", "in-doubt"}
    assert names


def test_unknown_texts_go_to_the_fallback() -> None:
    decision = decide(Policy.compile(read()), job("Qwx zzyv plorth grumbex tandolo vexiplar mondrath sileqo"))
    assert (decision.tier, decision.checks[-1].name) == ("frontier", "in-doubt")


def test_the_same_decisions_to_the_byte_whatever_the_hash_seed() -> None:
    program = (
        "import hashlib\n"
        "from pointsman.dev import samples\n"
        "from tests.unit.router.policy.test_policy_builtin import Policy, decide, job, read\n"
        "policy, digest = Policy.compile(read()), hashlib.sha256()\n"
        "for body in samples.load():\n"
        "    digest.update(decide(policy, job(str(body))).model_dump_json().encode())\n"
        "print(digest.hexdigest())\n"
    )
    root = Path(__file__).parents[4]
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64
