"""Starts the benchmark as a module: decode workers import a script again, with torch, at the cost of its own rate."""

import sys

from benchmarks.bench import IMAGES, main

main(int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
