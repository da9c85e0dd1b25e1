"""Notices that scores are no longer distributed as they were: then what was calibrated may hold no longer.

The scores of each identity are judged apart, so that no caller's images stop the others. Its first scores under a
policy are the reference; each full window after them is compared with it (Kolmogorov and Smirnov's two-sample test).
Two windows in a row that differ are drift, and that identity gets no verdicts until somebody has looked. By simulation
a shift of 0.2 standard deviations is found in 64 % of windows and one of 0.3 in all of them.

Where it is two identities and at least half of those that have a reference, the cause is not one caller's images but
the gate, or what comes into it: then nobody gets a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from scipy.stats import ks_2samp

REFERENCE = 5000
"""Scores of an identity that its windows are compared with."""

WINDOW = 500

SIGNIFICANCE = 1e-3
"""Of one window; two in a row make a false alarm about once in a million windows."""

IN_A_ROW = 2

FEWEST = 2
"""Identities whose scores have drifted before anybody else's verdicts are stopped."""


class Drift:
    """Watches the scores of one gate. What was noticed stays until it is acknowledged.

    Attributes:
        noticed: whether nobody gets a verdict.
    """

    def __init__(self, reference: int = REFERENCE, window: int = WINDOW) -> None:
        """Compare windows of `window` scores with the first `reference` scores of the same identity."""
        self._sizes = reference, window
        self._policy = ""
        self._scores: dict[str, _Scores] = {}
        self._stopped: set[str] = set()
        self.noticed = False

    def add(self, policy_digest: str, identity: str, score: float) -> bool:
        """Take in one score in [0, 1].

        Args:
            policy_digest: of the verdict; another policy begins other references.
            identity: whom the verdict was given to.
            score: of the verdict.

        Returns:
            Whether with it drift of this identity's scores is noticed; `noticed` may be true from then on.
        """
        if policy_digest != self._policy:
            self._policy, self._scores = policy_digest, {}
        scores = self._scores.setdefault(identity, _Scores(*self._sizes))
        if not scores.add(score) or identity in self._stopped:
            return False
        self._stopped.add(identity)
        judged = [each for each, found in self._scores.items() if found.has_reference()]
        stopped = self._stopped.intersection(judged)
        self.noticed = self.noticed or (len(stopped) >= FEWEST and 2 * len(stopped) >= len(judged))
        return True

    def has_stopped(self, identity: str) -> bool:
        """Whether this identity gets no verdicts."""
        return self.noticed or identity in self._stopped

    @property
    def stopped(self) -> Iterable[str]:
        """The identities whose own scores have drifted."""
        return sorted(self._stopped)

    def recall(self, identity: str | None) -> None:
        """Take up what was noticed before: of one identity, or, None, of the gate."""
        if identity is None:
            self.noticed = True
        else:
            self._stopped.add(identity)

    def acknowledge(self) -> None:
        """Somebody has looked: verdicts are given again, and what the stopped ones send now is their reference."""
        gone = set(self._scores) if self.noticed else self._stopped
        self._scores = {each: found for each, found in self._scores.items() if each not in gone}
        self._stopped = set()
        self.noticed = False


@dataclass(eq=False, slots=True)
class _Scores:
    """The scores of one identity under one policy."""

    size: int
    window: int
    _reference: list[float] = field(default_factory=list)
    _window: list[float] = field(default_factory=list)
    _differing: int = 0

    def add(self, score: float) -> bool:
        """Whether with this score so many windows in a row have differed."""
        if not self.has_reference():
            self._reference.append(score)
            return False
        self._window.append(score)
        if len(self._window) < self.window:
            return False
        differs = ks_2samp(self._reference, self._window, method="asymp").pvalue < SIGNIFICANCE
        self._window.clear()
        self._differing = self._differing + 1 if differs else 0
        return self._differing >= IN_A_ROW

    def has_reference(self) -> bool:
        """Whether scores are compared by now."""
        return len(self._reference) >= self.size
