"""Excludes the loopback from proxies: a proxy's loopback is another machine's."""

import ipaddress
from collections.abc import MutableMapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.request import ProxyHandler

#: As the HTTP libraries in use understand it, each by the entries that it knows.
_NAMES = ("localhost", "127.0.0.1", "127.0.0.0/8", "::1")


def is_loopback(url: str) -> bool:
    """Whether the host of `url` is this machine itself."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def keep_off_proxies(environ: MutableMapping[str, str]) -> None:
    """Add the loopback to what `NO_PROXY` names, for every HTTP library here and in child processes.

    Both spellings are read, by some libraries the one and by some the other; what was set in either stays.
    """
    excluded = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    names = [name.strip() for name in excluded.split(",") if name.strip()]
    if "*" in names:
        return
    names += [name for name in _NAMES if name not in names]
    environ["no_proxy"] = environ["NO_PROXY"] = ",".join(names)


def proxies_for(url: str) -> "ProxyHandler":
    """What `urllib` is to do for `url`: as the environment says, and for the loopback nothing."""
    from urllib.request import ProxyHandler

    return ProxyHandler({}) if is_loopback(url) else ProxyHandler()
