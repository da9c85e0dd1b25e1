"""Mutants that change nothing that matters, and why.

Per module, line of the source and change, as `make mutants` prints them, the reason why no test can kill it.
"""

EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("cxrgate.gate.pipeline", "WINDOW = 4", "4 to 5"): "how many batches are in flight changes the speed alone",
}
