"""Whether each provider has its key and can be reached, with the key accepted where the provider says so."""

import asyncio
import urllib.error
import urllib.request

from pointsman.cli.checks.finding import CheckResult
from pointsman.runtime.loopback import proxies_for
from pointsman.worker.providers_file import ProviderRow, Providers

WITHIN_S = 5.0


async def providers(file: Providers | None) -> list[CheckResult]:
    """One finding for each provider that a tier uses; none where the file cannot be read."""
    if file is None:
        return []
    used = {row.provider for row in file.tiers.values()}
    rows = [row for row in file.providers if row.name in used]
    return list(await asyncio.gather(*(asyncio.to_thread(provider, row) for row in rows)))


def provider(row: ProviderRow) -> CheckResult:
    """Ask for the provider's list of models, as cheap a question as there is."""
    check = f"provider {row.name}"
    try:
        key = row.key().get_secret_value()
    except ValueError as error:
        return CheckResult(check, False, str(error), f"export {row.key_env}=...      # where the worker runs")
    headers = {**row.headers, "Authorization": f"Bearer {key}"}  # as a worker sends it, key or no key
    request = urllib.request.Request(f"{row.base_url}/models", headers=headers)
    try:
        with _without_redirects(row.base_url).open(request, timeout=WITHIN_S):
            accepted = f", the key in {row.key_env} is accepted" if row.key_env else ""
            return CheckResult(check, True, f"{row.base_url} answers{accepted}")
    except urllib.error.HTTPError as error:
        return _answered(check, row, error.code)
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        fix = f"curl -v {row.base_url}/models   # shows where it ends"
        if row.name == "simulator":
            fix = "pointsman run simulator"
        return CheckResult(check, False, f"{row.base_url} is not reachable: {why}", fix)


def _answered(check: str, row: ProviderRow, status: int) -> CheckResult:
    """What an answer other than 200 says: somebody is there, and perhaps does not like the key."""
    if status in (401, 403):
        key = f"the key in {row.key_env}" if row.key_env else "us without a key"
        fix = f"export {row.key_env or 'NAME'}=...      # `key_env` in providers.yaml names the variable"
        return CheckResult(check, False, f"{row.base_url} refuses {key} ({status})", fix)
    if status >= 500:
        return CheckResult(
            check, False, f"{row.base_url} answers {status}", "look at the provider's status page"
        )
    return CheckResult(check, True, f"{row.base_url} answers ({status} for its list of models)")


def _without_redirects(url: str) -> urllib.request.OpenerDirector:
    """A redirect is an answer too; the key goes nowhere else."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        proxies_for(url),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener
