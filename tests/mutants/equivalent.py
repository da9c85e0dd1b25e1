"""Mutants that change nothing that matters, and why.

Per module, line of the source and change, as `make mutants` prints them, the reason why no test can kill it.
"""

EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("cxrgate.gate.pipeline", "WINDOW = 4", "4 to 5"): "how many batches are in flight changes the speed alone",
    ("cxrgate.gate.remote", "SECONDS = 10.0", "10.0 to 11.0"): "what comes later is no pass, after either time",
    (
        "cxrgate.core.policy",
        "and (self.standout is None or (_is_cohort(found.cohort) and _within(self.standouts(evidence), 0, 1)))",
        "1 to 2",
    ): "a logistic function gives no more than 1",
    **{
        (
            "cxrgate.run.release",
            "json.dump(manifest, file, indent=2, ensure_ascii=False)",
            change,
        ): "how the manifest is laid out: it says the same"
        for change in ("2 to 3", "to True")
    },
}
