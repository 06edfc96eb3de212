"""Which requests use the environment's proxy: as in the SDK's library, and never for loopback."""

import pytest

from pointsman.worker.providers.proxy import proxy_for

PROXIES = {"http": "http://plain:1", "https": "http://user:pw@secure:2"}


@pytest.mark.parametrize(
    ("url", "proxies", "proxy"),
    [
        ("http://api.test/v1", PROXIES, "http://plain:1"),
        ("https://api.test/v1", PROXIES, "http://user:pw@secure:2"),
        ("https://api.test/v1", {}, None),
        ("https://api.test/v1", {"http": "http://plain:1"}, None),
        ("https://api.test/v1", {"all": "any:3"}, "http://any:3"),
        ("https://api.test/v1", {**PROXIES, "all": "any:3"}, "http://user:pw@secure:2"),
        ("http://127.0.0.1:9/v1", PROXIES, None),
        ("http://127.8.8.8:9/v1", PROXIES, None),
        ("http://[::1]:9/v1", PROXIES, None),
        ("http://localhost:9/v1", PROXIES, None),
        ("http://localhost.:9/v1", PROXIES, None),
        ("http://[::ffff:127.0.0.1]:9/v1", PROXIES, None),
        ("http://LOCALHOST:9/v1", {"all": "socks5://s:1"}, None),
        ("http://10.0.0.9:9/v1", PROXIES, "http://plain:1"),
    ],
)
def test_the_proxy_of_an_address(url: str, proxies: dict[str, str], proxy: str | None) -> None:
    assert proxy_for(url, proxies) == proxy


@pytest.mark.parametrize(
    ("no_proxy", "left_out"),
    [
        ("*", True),
        ("other.test, *", True),
        ("api.corp.test", True),
        ("corp.test", True),
        (".corp.test", True),
        ("*.corp.test", True),
        ("API.Corp.Test", True),
        ("orp.test", False),
        (".api.corp.test", False),
        ("api.corp.test:8443", True),
        ("api.corp.test:443", False),
        ("https://api.corp.test", True),
        ("", False),
        ("[", False),
        ("10.0.0.0/8", False),
    ],
)
def test_no_proxy_names_hosts_and_domains(no_proxy: str, left_out: bool) -> None:
    proxy = proxy_for("https://api.corp.test:8443/v1", {**PROXIES, "no": no_proxy})
    assert (proxy is None) == left_out


@pytest.mark.parametrize(("no_proxy", "left_out"), [
    ("10.1.2.3", True), ("10.0.0.0/8", True), ("10.1.2.4", False), ("192.168.0.0/16, 10.1.2.0/24", True),
    ("10.1.2.3:81", False),
])  # fmt: skip
def test_no_proxy_names_addresses_and_networks(no_proxy: str, left_out: bool) -> None:
    proxy = proxy_for("http://10.1.2.3/v1", {**PROXIES, "no": no_proxy})
    assert (proxy is None) == left_out


def test_a_proxy_that_cannot_be_used_is_told() -> None:
    with pytest.raises(ValueError, match=r"socks5 proxies cannot be used for api.test.*NO_PROXY"):
        proxy_for("https://api.test/v1", {"all": "socks5://user:pw@s:1"})
