"""`make fuzz`: many contents per target, other ones each time; what is found is kept in the corpus and named."""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from fuzz.campaign import Found, corpus, keep, try_many, try_one
from fuzz.guided import run_guided
from fuzz.targets import TARGETS


def main() -> int:
    """1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    parser.add_argument("only", nargs="*", help="names of targets; without one all are tried")
    parser.add_argument("--count", type=int, default=5000, help="contents per target")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="another one gives other contents")
    parser.add_argument("--guided", action="store_true", help="by coverage, with atheris, for ever: one target")
    given = parser.parse_args()
    if given.guided:
        return run_guided(given.only[0])
    findings = 0
    for name in given.only or TARGETS:
        begun = time.monotonic()
        try:
            for path in corpus(name):
                try_one(name, TARGETS[name](), path.read_bytes())
            try_many(name, given.count, given.seed)
        except Found as found:
            findings += 1
            traceback.print_exception(found.__cause__ or found, limit=-3)
            print(f"FOUND {found}; kept as {keep(found)}", flush=True)  # noqa: T201
        print(f"{name}: {given.count} contents, {time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201
    print(f"{findings} findings, seed {given.seed}")  # noqa: T201
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
