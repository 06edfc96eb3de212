"""Check that each provider has its key, can be reached, and accepts the key."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import Mapping

from pointsman.cli.checks.finding import CheckResult
from pointsman.runtime.loopback import proxies_for
from pointsman.worker.providers.formats import wire_format_of
from pointsman.worker.providers.wire_format import WireFormat
from pointsman.worker.providers_file import ProviderRow, Providers

WITHIN_S = 5.0


async def providers(file: Providers | None) -> list[CheckResult]:
    """Return a finding for each provider that a tier uses; none if the file cannot be read."""
    if file is None:
        return []
    used = {row.provider for row in file.tiers.values()}
    rows = [row for row in file.providers if row.name in used]
    return list(await asyncio.gather(*(asyncio.to_thread(provider, row) for row in rows)))


def provider(row: ProviderRow) -> CheckResult:
    """Request the provider's list of models, which is the cheapest request."""
    check = f"provider {row.name}"
    wire = wire_format_of(row)
    try:
        sent = _authorization(row, wire)
    except ValueError as error:
        fix = f"export {row.key_env}=...      # where the worker runs"
        if row.token is not None:
            fix = "run or read it by hand      # as the worker's user"
        return CheckResult(check, False, str(error), fix)
    headers = {**row.headers, **wire.headers(), **sent}
    url = wire.models_url(row.base_url)
    request = urllib.request.Request(url, headers=headers)
    try:
        opener = urllib.request.build_opener(proxies_for(row.base_url), _WithoutRedirects)
        with opener.open(request, timeout=WITHIN_S):
            accepted = f", {_key_of(row)} is accepted" if row.key_env or row.token else ""
            return CheckResult(check, True, f"{row.base_url} answers{accepted}")
    except urllib.error.HTTPError as error:
        return _answered(check, row, error.code)
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        fix = f"curl -v {url}   # shows where it ends"
        if row.name == "simulator":
            fix = "pointsman run simulator"
        return CheckResult(check, False, f"{row.base_url} is not reachable: {why}", fix)


def _authorization(row: ProviderRow, wire: WireFormat) -> Mapping[str, str]:
    """Return the headers that a worker sends. Raises ValueError if the key or token is missing."""
    if row.token is not None:
        return {"authorization": f"Bearer {row.token.read()}"}
    return wire.key_header(row.key().get_secret_value())


def _key_of(row: ProviderRow) -> str:
    if row.token is not None:
        return f"what {row.token.source} gives"
    return f"the key in {row.key_env}" if row.key_env else "us without a key"


def _answered(check: str, row: ProviderRow, status: int) -> CheckResult:
    """Interpret a status other than 200: the provider is there, but may reject the key."""
    if status in (401, 403):
        fix = f"export {row.key_env or 'NAME'}=...      # `key_env` in providers.yaml names the variable"
        if row.token is not None:
            fix = "run or read it by hand      # as the worker's user"
        return CheckResult(check, False, f"{row.base_url} refuses {_key_of(row)} ({status})", fix)
    if status >= 500:
        return CheckResult(
            check, False, f"{row.base_url} answers {status}", "look at the provider's status page"
        )
    return CheckResult(check, True, f"{row.base_url} answers ({status} for its list of models)")


class _WithoutRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirects, so that the key is not sent elsewhere."""

    def redirect_request(self, *_: object) -> None:
        return None
