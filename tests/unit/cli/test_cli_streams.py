"""Commands whose streams are closed or are not UTF-8."""

import os
import subprocess
import sys

import pytest

PROGRAM = "import sys; sys.argv[0] = 'pointsman'; from pointsman.cli.main import main; main()"


def run(
    redirect: str, *arguments: str, content: bytes = b"", **environ: str
) -> subprocess.CompletedProcess[bytes]:
    """Runs the command in a shell with redirected streams."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirect}', "sh", sys.executable, "-c", PROGRAM, *arguments],
        input=content, env={**os.environ, **environ}, capture_output=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ("publish", "--agent", "tester", "--prompt", "-"),
        ("publish", "-"),
        ("sql", "-"),
    ],
)
def test_a_closed_stdin_is_reported(arguments: tuple[str, ...]) -> None:
    done = run("<&-", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: stdin is closed\n hint: ")


@pytest.mark.parametrize("redirect", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("arguments", [("version",), ("sql", "--help"), ("--help",), ("version", "--json")])
def test_a_command_works_with_closed_output(redirect: str, arguments: tuple[str, ...]) -> None:
    done = run(redirect, *arguments)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_error_without_stderr_is_an_exit_code() -> None:
    assert run(">&- 2>&-", "publish", "no-such-file").returncode == 2


def test_closed_streams_do_not_receive_other_files() -> None:
    code = (
        "import os, sys; sys.argv = ['pointsman', 'version']\n"
        "from pointsman.cli.main import main\n"
        "try: main()\n"
        "finally: os._exit(os.open('/dev/null', os.O_RDONLY))"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code], check=False
    )
    assert done.returncode > 2


@pytest.mark.parametrize("arguments", [("publish", "--agent", "tester", "--prompt", "-"), ("sql", "-")])
def test_input_that_is_not_utf8_is_named_so(arguments: tuple[str, ...]) -> None:
    done = run("", *arguments, content=b"Stra\xdfe")
    assert done.returncode == 2
    assert b"stdin is not UTF-8: byte 4 is 0xdf" in done.stderr
    assert b"surrogate" not in done.stderr


@pytest.mark.parametrize("option", ["--prompt", "--order-key", "--kind"])
def test_an_argument_that_is_not_utf8_is_named_so(option: str) -> None:
    done = run(f"{option} $(printf 'Stra\\337e')", "publish", "--agent", "tester")
    assert done.returncode == 2
    assert b"an argument is not UTF-8: Stra\\xdfe" in done.stderr
