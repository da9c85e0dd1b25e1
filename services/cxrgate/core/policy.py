"""The rule that decides, and the only place where a decision is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cxrgate.core.digest import mapping_digest
from cxrgate.core.keypoints import KEYPOINTS
from cxrgate.core.promise import Promise
from cxrgate.core.spaces import COPY, COSINE_SPACES, MATCHES, SAME_PATIENT, CosineSpace
from cxrgate.core.standout import COHORT, Cohort, Standout
from cxrgate.core.types import Candidates, Decision, Evidence, Verdict

BAND = 1e-4
"""The band in float32: larger than the differences between batch sizes and back ends, 1e-5."""

SCORE_RANGE_SLACK = 1e-6
"""A cosine of float32 unit vectors may exceed 1 by a rounding error of this order."""

FEWEST_MATCHES = 30
"""The lowest threshold of matches. One in ten patients who are not enrolled has 27 or more: lower ones flag many."""

_SINCE_0_2 = (
    "standout_threshold",
    "standout",
    "promise",
    "side",
    *(space.borderline for space in COSINE_SPACES),
    "match_threshold",
    "match_method",
)


@dataclass(frozen=True)
class Policy:
    """What an image is held against, and when it is released.

    Attributes:
        candidates: nearest references per space (k).
        score_threshold: same-patient score at or above which an image is NOT_ANONYMOUS (Packhäuser et al. 2022
            use 0.5); None where the standout decides.
        borderline: scores, or standouts where those decide, from here up to the threshold are released but listed.
        copy_threshold: copy similarity at or above which an image is NOT_ANONYMOUS; None without the copy space.
        minimum_typicality: cosine with the references' mean layout below which an image is no frontal chest
            radiograph of the enrolled kind (noise, inverted, another view): INDETERMINATE.
        minimum_frontality: how surely the retrieval model must take an image for a frontal chest radiograph; below it
            is an outlier: INDETERMINATE. None for a model that does not say.
        band: numbers this close to a threshold count against the image: larger than what batch sizes, back ends and
            the models' dtype change, so that none of those can turn a rejection into a release.
        references: number of references in the snapshot.
        snapshot: digest of the snapshot; it covers the models and their preprocessing.
        retrieval: digest of the retrieval model.
        verification: digest of the verification model.
        standout_threshold: standout at or above which an image is NOT_ANONYMOUS; None where the score decides.
        standout: how standouts are made of distances, scores and the cohort; goes with the threshold.
        promise: the false-flag rate that the thresholds were chosen for; None where none was.
        copy_borderline: copy similarities from here up to the threshold are released but listed; None lists none.
        side: larger images are made smaller, so that their longer side has as many pixels, before anything looks at
            them: what is judged is what is released. None leaves every image as it is.
        match_threshold: agreeing matches of keypoints with one candidate at or above which an image is NOT_ANONYMOUS;
            None asks for none. They are counted, so that no band is held against them.
        match_method: how keypoints are found and matched, see core.keypoints.METHOD; goes with the threshold.
    """

    candidates: int
    score_threshold: float | None
    borderline: float
    copy_threshold: float | None
    minimum_typicality: float
    references: int
    snapshot: str
    retrieval: str
    verification: str
    minimum_frontality: float | None = None
    band: float = BAND
    standout_threshold: float | None = None
    standout: Standout | None = None
    promise: Promise | None = None
    copy_borderline: float | None = None
    side: int | None = None
    match_threshold: int | None = None
    match_method: str | None = None

    def __post_init__(self) -> None:
        if self.candidates < 1 or self.references < 1:
            raise ValueError(
                f"expected one or more candidates and references, got {self.candidates} and {self.references}"
            )
        if (self.score_threshold is None) == (self.standout_threshold is None):
            raise ValueError("expected score_threshold or standout_threshold, and not both")
        if (self.standout is None) != (self.standout_threshold is None):
            raise ValueError("expected standout with standout_threshold, and not without")
        if not 0 < self.borderline <= self.identity_threshold <= 1:
            name = "score_threshold" if self.standout is None else "standout_threshold"
            raise ValueError(
                f"expected 0 < borderline <= {name} <= 1, got {self.borderline} and {self.identity_threshold}"
            )
        self._check_spaces()
        self._check_matches()
        if not -1 <= self.minimum_typicality < 1:
            raise ValueError(f"expected -1 <= minimum_typicality < 1, got {self.minimum_typicality}")
        if not BAND <= self.band < 1:
            raise ValueError(f"expected {BAND} <= band < 1, got {self.band}")
        if self.minimum_frontality is not None and not 0 <= self.minimum_frontality < 1:
            raise ValueError(f"expected 0 <= minimum_frontality < 1, got {self.minimum_frontality}")
        if self.side is not None and self.side < 1:
            raise ValueError(f"expected a side of 1 pixel or more, got {self.side}")

    def _check_spaces(self) -> None:
        for space in self.searched:
            if not 0 < self.threshold(space) <= 1:
                raise ValueError(f"expected 0 < {space.threshold} <= 1, got {self.threshold(space)}")
            if not self.lists_from(space) <= self.threshold(space):
                raise ValueError(f"expected {space.borderline} <= {space.threshold}, got {self.lists_from(space)}")

    def _check_matches(self) -> None:
        if (self.match_threshold is None) != (self.match_method is None):
            raise ValueError("expected match_method with match_threshold, and not without")
        if self.match_threshold is not None and not FEWEST_MATCHES <= self.match_threshold <= KEYPOINTS:
            raise ValueError(f"expected {FEWEST_MATCHES} <= match_threshold <= {KEYPOINTS}, got {self.match_threshold}")

    @property
    def identity_threshold(self) -> float:
        """The threshold of the number that decides whether it is the same patient: the standout, or the score."""
        thresholds = (self.standout_threshold, self.score_threshold)
        return next(threshold for threshold in thresholds if threshold is not None)

    @property
    def searched(self) -> tuple[CosineSpace, ...]:
        """The spaces beside identity that have a threshold: their nearest references are candidates, too."""
        return tuple(space for space in COSINE_SPACES if getattr(self, space.threshold) is not None)

    @property
    def fewest(self) -> int:
        """The nearest references that each list holds: all there are, where there are fewer than are asked for."""
        return min(self.candidates, self.references)

    def has_whole(self, nearest: np.ndarray) -> bool:
        """Whether each list of Candidates.nearest holds as many as it has to.

        The union of all lists has more than each of them: that it has enough does not say that none was lost.
        """
        most = [] if self.match_threshold is None else [1]
        return bool(nearest.sum(axis=1).tolist() == [self.fewest] * (len(nearest) - len(most)) + most)

    def threshold(self, space: CosineSpace) -> float:
        """The threshold of a space that is searched."""
        return float(getattr(self, space.threshold))

    def lists_from(self, space: CosineSpace) -> float:
        """From where released images are listed for what that space says; the threshold itself where none are."""
        given = getattr(self, space.borderline)
        return self.threshold(space) if given is None else float(given)

    @cached_property
    def digest(self) -> str:
        """Sha256 over everything above: stored with each verdict."""
        return mapping_digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Everything above.

        What version 0.1 did not have is there only where it is used, so that older policies keep their digest.
        """
        values = asdict(self)
        return {name: value for name, value in values.items() if value is not None or name not in _SINCE_0_2}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Policy:
        """What `to_json` wrote, of this version or an earlier one; TypeError or ValueError where it is none."""
        nested: dict[str, Any] = {}
        if value.get("standout") is not None:
            nested["standout"] = Standout.from_json(value["standout"])
        if value.get("promise") is not None:
            nested["promise"] = Promise(**value["promise"])
        return cls(**{**value, **nested})

    def decide(self, evidence: Evidence, pixel_digest: str) -> Verdict:
        """Decide on one image. Pure: equal evidence gives an equal verdict.

        Incomplete or impossible evidence (NaN, a score outside [0, 1], too few candidates, one of them twice) is
        INDETERMINATE.
        """
        reasons = self._invalid(evidence) or self._matches(evidence)
        decision = Decision.ANONYMOUS
        if reasons:
            decision = Decision.NOT_ANONYMOUS if reasons[0] in MATCHES else Decision.INDETERMINATE
        score, similarities = _largest(evidence.scores), evidence.candidates.similarities
        standout = _largest(self.standouts(evidence))
        deciding = score if self.standout is None else standout
        return Verdict(
            image_id=evidence.image_id,
            decision=decision,
            reasons=reasons,
            borderline=decision is Decision.ANONYMOUS and self._is_near(deciding, evidence),
            score=score,
            standout=standout,
            similarities={space.name: _largest(similarities[space.name]) for space in COSINE_SPACES},
            evidence=evidence,
            pixel_digest=pixel_digest,
            policy_digest=self.digest,
            matches=_most(evidence.candidates.matches),
        )

    def _is_near(self, deciding: float, evidence: Evidence) -> bool:
        """Whether identity or a space of pictures lists it."""
        alike = evidence.candidates.similarities
        listed = (_largest(alike[space.name]) >= self.lists_from(space) - self.band for space in self.searched)
        return deciding >= self.borderline - self.band or any(listed)

    def standouts(self, evidence: Evidence) -> np.ndarray:
        """How far each candidate's patient stands out, float64[m]; NaN where nobody asked or the search did not say."""
        found = evidence.candidates
        if self.standout is None or found.cohort is None or len(evidence.scores) != len(found.distances):
            return np.full(len(found.distances), np.nan)
        return self.standout(found.distances, evidence.scores, found.cohort)

    def _invalid(self, evidence: Evidence) -> tuple[str, ...]:
        found, scores = evidence.candidates, evidence.scores
        # A reference that is named twice stands for a candidate that nobody looked at.
        complete = self.fewest <= len(scores) == len(found.reference_ids) == len(set(found.reference_ids))
        complete &= found.nearest is None or self.has_whole(found.nearest)
        sound = (
            _within(scores, 0, 1)
            and all(_within(found.similarities[space.name], -1, 1) for space in COSINE_SPACES)
            and _within(found.distances, 0, np.inf)
            and _within(np.asarray([found.typicality]), -1, 1)
            and (self.standout is None or (_is_cohort(found.cohort) and _within(self.standouts(evidence), 0, 1)))
            and (self.minimum_frontality is None or _within(_frontality(found), 0, 1))
            and (self.match_threshold is None or _are_matches(found.matches))
        )
        return () if complete and sound else ("SCORE_INVALID",)

    def _matches(self, evidence: Evidence) -> tuple[str, ...]:
        reasons, similarities = [], evidence.candidates.similarities
        deciding = evidence.scores if self.standout is None else self.standouts(evidence)
        if deciding.max() >= self.identity_threshold - self.band:
            reasons.append(SAME_PATIENT)
        limits = {space: self.threshold(space) - self.band for space in self.searched}
        reasons += [space.reason for space, least in limits.items() if similarities[space.name].max() >= least]
        if COPY.reason not in reasons and self.is_matched(evidence.candidates):
            reasons.append(COPY.reason)
        if not reasons and evidence.candidates.typicality < self.minimum_typicality + self.band:
            reasons.append("ATYPICAL")
        # An outlier is told from its own pixels alone: what its scores say of patients comes second.
        return ("STRANGER", *reasons) if self._strange(evidence) else tuple(reasons)

    def is_matched(self, found: Candidates) -> bool:
        """Whether so many keypoints agree with a candidate's that the image is a copy of it."""
        most = _most(found.matches)
        return self.match_threshold is not None and most is not None and most >= self.match_threshold

    def _strange(self, evidence: Evidence) -> bool:
        least = self.minimum_frontality
        return least is not None and bool(_frontality(evidence.candidates)[0] < least + self.band)


def _is_cohort(cohort: Cohort | None) -> bool:
    """Whether it can be one: an impossible mean would hide whom an image stands out towards."""
    if cohort is None or not 0 <= cohort.size <= COHORT:
        return False
    numbers = np.asarray([cohort.mean, cohort.spread])
    return _within(numbers[:1], -np.inf, 1) and _within(numbers[1:], 0, np.inf)


def _are_matches(matches: np.ndarray | None) -> bool:
    return matches is not None and bool(((matches >= 0) & (matches <= KEYPOINTS)).all())


def _most(matches: np.ndarray | None) -> int | None:
    return None if matches is None else int(matches.max())


def _within(values: np.ndarray, low: float, high: float) -> bool:
    finite = bool(np.isfinite(values).all())
    return finite and bool((values >= low - SCORE_RANGE_SLACK).all() and (values <= high + SCORE_RANGE_SLACK).all())


def _frontality(found: Candidates) -> np.ndarray:
    """float64[1]; NaN where the retrieval model did not say."""
    return np.array([np.nan if found.frontality is None else found.frontality])


def _largest(values: np.ndarray) -> float:
    return float(values.max()) if len(values) else float("nan")
