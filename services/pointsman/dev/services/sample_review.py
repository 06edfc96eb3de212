"""Sample jobs that stop for a person: a threshold and a reviewer, added where the files are our own."""

import shlex
from collections.abc import Iterable
from pathlib import Path

from pointsman import starter
from pointsman.dev.services.secure_logins import SecureLogins
from pointsman.runtime.private_file import write_private
from pointsman_schemas.control.registry import AgentEntry

_QUEUE = "contracts"
#: Who decides there.
REVIEWER = AgentEntry(
    id="ana@legal.example",
    owner="reviewers",
    purpose="Decides the sample jobs that stop for a person.",
    reviews=(_QUEUE,),
)
_SECTION = f"""
# Added for the sample jobs: a person decides where the model is not sure enough of what it says about a
# contract, within four hours. See docs/review.md.
review:
  queues:
    - {{name: {_QUEUE}, deadline_s: 14400}}
  thresholds:
    - {{name: clauses, of: answer, source: logprob, above: 0.97, kinds: contract, queue: {_QUEUE}}}
"""


def asks(policy: Path, agents: Path) -> bool:
    """Whether the sample jobs are to stop: nobody's own file is changed."""
    return (policy, agents) == (starter.POLICY, starter.AGENTS)


def with_review(folder: Path) -> Path:
    """The policy to begin with and the threshold, written into `folder`."""
    copy = folder / "policy.yaml"
    write_private(copy, starter.POLICY.read_text("utf-8") + _SECTION)
    return copy


def deciding(entries: Iterable[AgentEntry], secure: SecureLogins | None) -> str | None:
    """A command that approves a case, `{job}` in the place of its job; None: nobody may.

    As the first of `entries` who may decide anything.
    """
    by = next((entry.id for entry in entries if entry.reviews), None)
    if by is None:
        return None
    command = f"pointsman review approve {{job}} --by {shlex.quote(by)}"
    if secure is None:
        return command
    login, key = shlex.quote(str(secure.env_file("reviewer"))), secure.key_file(by)
    signed = f" --key {shlex.quote(str(key))}"
    return f"(set -a; . {login}; {command}{signed})"
