"""Sample jobs that wait for a person: a threshold and a reviewer, added to the starter files only."""

import shlex
from collections.abc import Iterable
from pathlib import Path

from pointsman import starter
from pointsman.dev.services.secure_logins import SecureLogins
from pointsman.runtime.private_file import write_private
from pointsman_schemas.control.registry import AgentEntry

_QUEUE = "contracts"
#: The reviewer of that queue.
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
    """Return whether the sample jobs wait for a person: only with the starter files."""
    return (policy, agents) == (starter.POLICY, starter.AGENTS)


def with_review(folder: Path) -> Path:
    """Write the starter policy with the threshold added into `folder`, and return its path."""
    copy = folder / "policy.yaml"
    write_private(copy, starter.POLICY.read_text("utf-8") + _SECTION)
    return copy


def deciding(entries: Iterable[AgentEntry], secure: SecureLogins | None) -> str | None:
    """Return a command that approves a case, with `{job}` in place of its job id.

    It acts as the first of `entries` with the right to review. None if there is no such entry.
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
