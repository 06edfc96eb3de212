"""Check that policy and providers file are valid and fit together, and whether the fast path is installed."""

from pathlib import Path

from pointsman.cli.checks.finding import CheckResult
from pointsman.router.policy.policy_file import PolicyFile
from pointsman.router.policy.policy_file import load as load_policy
from pointsman.runtime.native import library
from pointsman.runtime.yaml_file import FileError
from pointsman.worker.providers_file import Providers
from pointsman.worker.providers_file import load as load_providers


def policy_file(path: Path) -> tuple[CheckResult, PolicyFile | None]:
    """Check the policy. Returns it too, if it is valid."""
    try:
        policy = load_policy(path)
    except FileError as error:
        return CheckResult("policy", False, str(error), error.hint or "mend the lines named above"), None
    return CheckResult(
        "policy", True, f"{policy.name} {policy.version}, tiers {', '.join(policy.tiers)}"
    ), policy


def providers_file(path: Path, policy: PolicyFile | None) -> tuple[CheckResult, Providers | None]:
    """Check that the providers file is valid and has a model for each tier of the policy."""
    try:
        file = load_providers(path)
    except FileError as error:
        return CheckResult("providers", False, str(error), error.hint or "mend the lines named above"), None
    missing = [tier for tier in (policy.tiers if policy else ()) if tier not in file.tiers]
    if missing:
        problem = f"{path} has no model for {', '.join(missing)}: jobs routed there would wait for ever"
        fix = f"tiers:\n  {missing[0]}: {{provider: {file.providers[0].name}, model: ...}}"
        return CheckResult("providers", False, problem, fix), file
    models = ", ".join(f"{tier}: {row.model}" for tier, row in file.tiers.items())
    return CheckResult("providers", True, models), file


def native() -> CheckResult:
    """Report whether the fast path is installed. It is optional, so this never fails."""
    if library() is None:
        detail = "not installed: every job takes the full path. Install it: pip install 'pointsman[native]'"
        return CheckResult("fast path", True, detail)
    return CheckResult("fast path", True, "installed: router and audit use it for ordinary jobs")
