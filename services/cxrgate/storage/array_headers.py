"""Headers of .npy files are read by one thread at a time.

They are Python literals, and CPython 3.11's ast.literal_eval counts its depth once for all threads: where a second
thread reads one meanwhile, both may end in SystemError (python/cpython issue 106905).
"""

from __future__ import annotations

from threading import Lock

ARRAY_HEADERS = Lock()
"""To be held around whatever of numpy reads a header."""
