"""Mutants that change nothing that matters, and why.

Per module, line of the source and change, as `make mutants` prints them, the reason why no test can kill it.
"""

EQUIVALENT: dict[tuple[str, str, str], str] = {}
