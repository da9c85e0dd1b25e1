"""One part of the benchmark in this process. Usage: python -m benchmarks.part PART [--long].

Decode workers import a script that is started anew, so it imports nothing heavy before it measures.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.bench_json import merge_part
from benchmarks.parts import PARTS


def main(name: str, *options: str) -> None:
    """Measure, merge, print."""
    started = time.monotonic()
    found = PARTS[name].figures(long="--long" in options)
    merge_part(name, found, time.monotonic() - started)
    short = {key: value for key, value in found.items() if not isinstance(value, dict)}
    print(json.dumps(short, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
