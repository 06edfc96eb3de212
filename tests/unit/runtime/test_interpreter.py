"""A tuned process gives back what it has freed."""

import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes, gc
from pointsman.runtime.interpreter import tune

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

tune()
before = resident_mb()
blocks = [bytes(10_000_000) for _ in range(2)]  # raises the threshold to its size, where glibc is left alone
del blocks
blocks = [b"x" * 8_000_000 for _ in range(20)]
last = b"x" * 8_000_000  # what stays behind them keeps the end of the heap
full = resident_mb()
del blocks
print(before, full, resident_mb())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's settings")
def test_large_blocks_that_are_freed_do_not_stay_with_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    before, full, after = map(float, done.stdout.split())
    assert full > before + 150
    assert after < before + 20
