"""The allocator keeps what was freed."""

import subprocess
import sys

import pytest

_PAGE_FAULTS = """
import resource
import sys

import numpy as np

from headwater.server.memory import keep_freed_memory

if sys.argv[1] == "keep":
    keep_freed_memory()
def columns():
    return sum(column.sum() for column in [np.ones(1 << 17) for _ in range(12)])

columns()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    columns()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
_PAGES = 12 * 8 * (1 << 17) // 4096


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's own")
def test_arrays_are_made_of_memory_that_the_process_has() -> None:
    def faults(mode: str) -> int:
        command = [sys.executable, "-c", _PAGE_FAULTS, mode]
        return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    assert faults("keep") < _PAGES
    assert faults("as it is") > 10 * _PAGES
