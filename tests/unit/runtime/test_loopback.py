"""Requests to this machine never use a proxy, whichever library sends them; all others do."""

import os
import subprocess
import sys
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import pytest
import requests.utils
from aiohttp.helpers import get_env_proxy_for_url
from yarl import URL

from pointsman.runtime.loopback import is_loopback, keep_off_proxies, proxies_for

HERE = ["http://127.0.0.1:8000/v1", "http://localhost:11434", "http://[::1]:8000"]
ELSEWHERE = ["https://api.openai.com/v1", "http://10.0.0.7:8000", "http://localhost.example.org"]
TOLD = [
    {},
    {"NO_PROXY": "10.1.2.3"},
    {"no_proxy": "10.1.2.3, .example.net"},
    {"NO_PROXY": "a.example", "no_proxy": "b.example"},
    {"NO_PROXY": ""},
]


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("told", TOLD)
def test_each_library_passes_the_proxy_by_for_the_loopback_alone(
    told: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    keep_off_proxies(os.environ)
    try:
        for url in HERE:
            assert requests.utils.get_environ_proxies(url) == {}
            with pytest.raises(LookupError):
                get_env_proxy_for_url(URL(url))
        for url in ELSEWHERE:
            assert requests.utils.get_environ_proxies(url)
            assert get_env_proxy_for_url(URL(url))
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.mark.parametrize("told", TOLD)
def test_what_was_set_stays_and_twice_is_once(told: dict[str, str]) -> None:
    environ = dict(told)
    keep_off_proxies(environ)
    assert environ["NO_PROXY"] == environ["no_proxy"]
    named = told.get("no_proxy") or told.get("NO_PROXY") or ""
    assert environ["NO_PROXY"].startswith(named.replace(" ", ""))
    again = dict(environ)
    keep_off_proxies(again)
    assert again == environ


def test_no_proxy_at_all_stays_no_proxy_at_all() -> None:
    environ = {"NO_PROXY": "*"}
    keep_off_proxies(environ)
    assert environ == {"NO_PROXY": "*"}


@pytest.mark.usefixtures("proxied")
def test_urllib_is_told_for_each_address() -> None:
    assert proxy_bypass_environment("127.0.0.1", getproxies_environment()) == 0
    assert all(not proxies_for(url).proxies for url in [*HERE, "http://127.8.8.8:1"])  # type: ignore[attr-defined]
    assert all(proxies_for(url).proxies for url in ELSEWHERE)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("url", "here"),
    [
        *((url, True) for url in HERE),
        *((url, False) for url in ELSEWHERE),
        ("http://127.3.2.1", True),
        ("http://a.localhost:1", True),
        ("http://localhost.", True),
        ("http://[::ffff:127.0.0.1]:80", True),
        ("http://0.0.0.0", False),
        ("http://[broken", False),
        ("", False),
    ],
)
def test_what_is_the_loopback(url: str, here: bool) -> None:
    assert is_loopback(url) is here


def test_every_command_keeps_its_children_off_the_proxy_too() -> None:
    code = (
        "import os, sys; sys.argv = ['pointsman', 'version']\n"
        "from pointsman.cli.main import main\n"
        "try: main()\n"
        "finally: print(os.environ['NO_PROXY'])"
    )
    environ = {**os.environ, "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "a.example", "no_proxy": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1].startswith("a.example,localhost,127.0.0.1")
