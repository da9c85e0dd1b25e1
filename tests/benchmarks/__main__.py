"""Runs the parts of the benchmark one after another, each in a process of its own, and says what each took.

A part merges its keys into out/bench.json when it ends. One that fails, or leaves a key out, lets the others run and
keep theirs, and makes the exit code 1. Usage: python -m benchmarks [--long] [PART ...]; `python -m benchmarks --help`
names the parts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from benchmarks import bench_json
from benchmarks.limits.shares import shares
from benchmarks.parts import PARTS


def run_part(name: str, *, long: bool) -> str:
    """Run one part; empty, or what went wrong."""
    started = time.time()
    command = [sys.executable, "-m", "benchmarks.part", name, *(["--long"] if long else [])]
    code = subprocess.run(command, check=False).returncode
    if code != 0:
        return f"ended with exit code {code}"
    found = bench_json.read()
    finished = found["parts"][name]["finished_at"]
    missing = [key for key in PARTS[name].keys if not isinstance(found.get(key), (int, float, dict))]
    if finished < started or missing:
        return f"wrote no {', '.join(missing) or 'figures'}"
    return ""


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all without any")
    parser.add_argument("--long", action="store_true", help="more rounds and more sizes: hours")
    asked = parser.parse_args()
    unknown = sorted(set(asked.parts) - PARTS.keys())
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; the parts are {', '.join(PARTS)}")
    failed, begun = {}, time.monotonic()
    if not asked.long:
        print(f"== planned {sum(PARTS[name].seconds for name in asked.parts or PARTS)} s in all", flush=True)
    for name in asked.parts or PARTS:
        planned = "" if asked.long else f", planned {PARTS[name].seconds} s"
        print(f"== {name}{planned}", flush=True)
        started = time.monotonic()
        wrong = run_part(name, long=asked.long)
        print(f"== {name}: {wrong or 'done'}, {time.monotonic() - started:.0f} s", flush=True)
        if wrong:
            failed[name] = wrong
    bench_json.merge({"share_of_limit": shares(bench_json.read())})
    print(f"== in all {time.monotonic() - begun:.0f} s; {bench_json.OUTPUT}", flush=True)
    for name, wrong in failed.items():
        print(f"== FAILED {name}: {wrong}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
