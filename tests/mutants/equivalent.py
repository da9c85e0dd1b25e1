"""Mutants that change nothing that matters, and why.

Per module, line of the source and change, as `make mutants` prints them, the reason why no test can kill it.
"""

_CODES = "codes = stored_codes(snapshot.parts.get(PartName.CODES), space, rows) if engine == EngineName.CODES else None"
_ERROR = "error = 4 * (queries.shape[1] + 2) * _UNIT * scale + 1e-12 * (squares[:, None] + references[None])"
EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("cxrgate.gate.pipeline", "WINDOW = 4", "4 to 5"): "how many batches are in flight changes the speed alone",
    ("cxrgate.gate.remote", "SECONDS = 10.0", "10.0 to 11.0"): "what comes later is no pass, after either time",
    (
        "cxrgate.core.policy",
        "and (self.standout is None or (_is_cohort(found.cohort) and _within(self.standouts(evidence), 0, 1)))",
        "1 to 2",
    ): "a logistic function gives no more than 1",
    ("cxrgate.gate.gates", "POLL_SECONDS = 1.0", "1.0 to 2.0"): "how often is looked, which no answer depends on",
    ("cxrgate.gate.gates", "PROOF_SECONDS = 60.0", "60.0 to 61.0"): "how often is looked, which is chosen",
    (
        "cxrgate.gate.gates",
        "if time.monotonic() - self._proven >= PROOF_SECONDS:",
        "GtE to Gt",
    ): "at one moment, in nanoseconds",
    ("cxrgate.index.engines.matrix", "BLOCK = 16384", "16384 to 16385"): "how much is computed at once",
    ("cxrgate.index.engines.matrix", "QUERIES = 256", "256 to 257"): "how much is computed at once",
    ("cxrgate.index.engines.matrix", "if values.shape[1] <= k:", "LtE to Lt"): "the k smallest of k are all",
    ("cxrgate.index.engines.matrix", "_UNIT = 2.0**-24", "24 to 25"): "the bound is twice what it needs to be",
    **{
        ("cxrgate.index.engines.matrix", _ERROR, change): "a loose bound costs time alone"
        for change in ("1e-12 to 1.000000000001", "4 to 5", "2 to 3")
    },
    **{
        ("cxrgate.index.engines.matrix", line, "to False"): "as many on both sides: both are made of the queries here"
        for line in (
            "for i, (row, column) in enumerate(zip(lower, worst, strict=True)):",
            "return [_within(parts, limit) for parts, limit in zip(kept, limits.max(axis=1), strict=True)]",
        )
    },
    (
        "cxrgate.index.engines.matrix",
        "return np.asarray(np.partition(values, k - 1, axis=1)[:, :k])",
        "1 to 2",
    ): "the limit is one of k numbers, and not the k-th smallest for sure: a loose bound costs time alone",
    ("cxrgate.gate.drift", "REFERENCE = 5000", "5000 to 5001"): "how many scores are compared is chosen; tests name it",
    ("cxrgate.gate.drift", "WINDOW = 500", "500 to 501"): "how many scores are compared is chosen; tests name it",
    (
        "cxrgate.gate.drift",
        'differs = ks_2samp(self._reference, self._window, method="asymp").pvalue < SIGNIFICANCE',
        "Lt to LtE",
    ): "at one value of a continuous statistic",
    (
        "cxrgate.index.search",
        "return [self._candidates(query, union) for query, union in zip(queries, found, strict=True)]",
        "to False",
    ): "a search gives one list for each query, and the pipeline refuses any other number",
    **{
        (
            "cxrgate.index.search",
            _CODES,
            change,
        ): "codes make the search fast; with and without them it is exact"
        for change in ("swapped", "Eq to NotEq")
    },
    **{
        (
            "cxrgate.run.release",
            "json.dump(manifest, file, indent=2, ensure_ascii=False)",
            change,
        ): "how the manifest is laid out: it says the same"
        for change in ("2 to 3", "to True")
    },
}
