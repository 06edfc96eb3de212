"""Exclude loopback addresses from HTTP proxies: a proxy's loopback is another machine."""

import ipaddress
from collections.abc import MutableMapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.request import ProxyHandler

#: Each of the HTTP libraries in use understands some of these forms.
_NAMES = ("localhost", "127.0.0.1", "127.0.0.0/8", "::1")


def is_loopback(url: str) -> bool:
    """Return whether the host of `url` is this machine's loopback interface."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def keep_off_proxies(environ: MutableMapping[str, str]) -> None:
    """Add the loopback to `NO_PROXY`, for all HTTP libraries here and in child processes.

    Libraries read either spelling of the variable, so both are set; existing entries are kept.
    """
    excluded = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    names = [name.strip() for name in excluded.split(",") if name.strip()]
    if "*" in names:
        return
    names += [name for name in _NAMES if name not in names]
    environ["no_proxy"] = environ["NO_PROXY"] = ",".join(names)


def proxies_for(url: str) -> "ProxyHandler":
    """Return `urllib`'s proxy handler for `url`: that of the environment, or none for the loopback."""
    from urllib.request import ProxyHandler

    return ProxyHandler({}) if is_loopback(url) else ProxyHandler()
