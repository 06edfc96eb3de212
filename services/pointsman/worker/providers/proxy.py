"""Chooses the proxy for a URL from HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY. Pure."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from pointsman.runtime.loopback import is_loopback


def proxy_for(url: str, proxies: Mapping[str, str]) -> str | None:
    """Return the proxy's URL; None for a direct connection, as always to loopback.

    `proxies`: from `urllib.request.getproxies`.

    Raises:
        ValueError: the proxy is neither HTTP nor HTTPS.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or is_loopback(url) or _is_left_out(host, parts.port, proxies.get("no", "")):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if urlsplit(proxy).scheme not in ("http", "https"):
        raise ValueError(
            f"{urlsplit(proxy).scheme} proxies cannot be used for {host}: "
            f"give the address of an HTTP proxy, or name {host} in NO_PROXY"
        )
    return proxy


def _is_left_out(host: str, port: int | None, no_proxy: str) -> bool:
    """Whether NO_PROXY names the host: by name, domain, address or network, or by `*`."""
    for entry in no_proxy.lower().split(","):
        name = entry.strip().rpartition("://")[2]
        if name == "*":
            return True
        name, named_port = _without_port(name)
        if named_port is not None and named_port != port:
            continue
        if name and (_is_in_network(host, name) or _is_in_domain(host, name)):
            return True
    return False


def _without_port(name: str) -> tuple[str, int | None]:
    bare, _, port = name.rpartition(":")
    if port.isdecimal() and (bare.startswith("[") or ":" not in bare):
        return bare.strip("[]"), int(port)
    return name.strip("[]"), None


def _is_in_domain(host: str, name: str) -> bool:
    """Whether the host is in the domain; `a.test` itself is in `a.test`, not in `.a.test` or `*.a.test`."""
    if name.startswith("*."):
        name = name[1:]
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")


def _is_in_network(host: str, name: str) -> bool:
    try:
        return ip_address(host) in ip_network(name, strict=False)
    except ValueError:
        return False
