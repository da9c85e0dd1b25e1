import os
import subprocess
import sys
import types

from cxrgate.core import allocator
from cxrgate.core.allocator import keep_freed_memory

SCRIPT = """
import ctypes, resource, runpy, sys

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[2] == "kept":
    assert runpy.run_path(sys.argv[1])["keep_freed_memory"]()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.memset.argtypes, libc.free.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t], [ctypes.c_void_p]
for turn in range(11):
    if turn == 1:
        before = faults()
    block = libc.malloc(64 * 2**20)
    libc.memset(block, 1, 64 * 2**20)
    libc.free(block)
print(faults() - before)
"""


def page_faults(mode):
    command = [sys.executable, "-c", SCRIPT, allocator.__file__, mode]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]})
    return int(done.stdout)


def test_freed_memory_is_used_again_without_page_faults():
    assert page_faults("given back") > 10 * 16
    assert page_faults("kept") < 100


def test_another_c_library_is_no_error(monkeypatch):
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda _: types.SimpleNamespace())

    assert keep_freed_memory() is False
