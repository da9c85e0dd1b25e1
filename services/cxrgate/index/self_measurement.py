"""What a snapshot knows of its own errors, as its manifest holds it: rates, thresholds, and what each recognises."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from cxrgate.core import SnapshotCorrupt
from cxrgate.core.counted import counted
from cxrgate.core.heads import Head, read_head, recorded
from cxrgate.core.json_text import MALFORMED
from cxrgate.core.promise import Promise
from cxrgate.core.spaces import COPY
from cxrgate.core.standout import Standout
from cxrgate.index.false_flag_curve import FalseFlagCurve, interpolate
from cxrgate.index.manifest import PartName, SnapshotManifest

RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5)
"""The shares of unenrolled patients for which thresholds are measured; between them thresholds are interpolated."""


MATCHES = 44
"""The lowest threshold of matches that a rate leads to, and the one where nothing was measured. On the tune part of the
shipped models' data 0.46 % of 655 unenrolled patients have as many against 1,500 references."""


class Basis(StrEnum):
    """What the thresholds rest on."""

    MEASURED = "measured"
    """The snapshot's own patients, each asked as if not enrolled."""
    COMBINED = "combined"
    """Fewer than 400 of them, weighed against the curve that is shipped with the models."""
    SHIPPED = "shipped"
    """The shipped curve alone."""
    NOTHING = "nothing"
    """Neither: there are no thresholds."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval, and the number of patients that it rests on."""

    value: float
    low: float
    high: float
    patients: int

    def __str__(self) -> str:
        if not self.patients:
            return "not measured"
        patients = counted(self.patients, "patient")
        return f"{_percent(self.value)} % ({_percent(self.low)}-{_percent(self.high)}, {patients})"


@dataclass(frozen=True, slots=True)
class Recognised:
    """Of patients with `references` other references (`at_least` so many, or exactly), the share that is flagged."""

    references: int
    at_least: bool
    share: Share

    @property
    def label(self) -> str:
        """For tables."""
        return f"{self.references} or more" if self.at_least else str(self.references)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The thresholds for one false-flag rate, and what they do in this snapshot.

    Attributes:
        rate: promised share of unenrolled patients that either space flags.
        standout: threshold of the standout beside the copy space.
        standout_alone: threshold of the standout where the copy space is not used.
        copy: threshold of the copy similarity.
        flagged: share of this snapshot's patients that are flagged when they are asked as if not enrolled.
        recognised: share of left-out radiographs of enrolled patients that are flagged, first over all patients with
            two references or more, then by how many others are enrolled.
        limited: whether a threshold would be higher by this snapshot's patients alone, and the curve shipped with the
            models keeps it down: more may be flagged than promised.
        matches: threshold of agreeing matches of keypoints; None where the snapshot keeps none. `flagged` counts those
            that it flags, `recognised` does not.
    """

    rate: float
    standout: float
    standout_alone: float
    copy: float
    flagged: Share
    recognised: tuple[Recognised, ...] = ()
    limited: bool = False
    matches: int | None = None

    def to_json(self) -> dict[str, Any]:
        """For the manifest; without matches where there are none, as it was before there were any."""
        value = asdict(self)
        if self.matches is None:
            del value["matches"]
        return value


@dataclass(frozen=True, slots=True)
class MeasurementTerms:
    """What a measurement needs beside the snapshot: how scores are made, and the curve shipped with the models.

    Attributes:
        head: scores stored features.
        standout: before it is fitted to a snapshot.
        copy_threshold: of the copy descriptor itself: patients above it share a picture.
        copy_limit: highest copy threshold that a rate may lead to; above it, medium copies would pass.
        curve: None where the models have none.
    """

    head: Head
    standout: Standout
    copy_threshold: float
    copy_limit: float
    curve: FalseFlagCurve | None = None

    @property
    def same_picture(self) -> Mapping[str, float]:
        """By name of the cosine space the similarity from which two patients share a picture."""
        return {COPY.name: (1 + self.copy_limit) / 2}

    def held_down(self, point: OperatingPoint) -> bool:
        """Whether a threshold of a cosine space is at the limit that a rate may not raise it above."""
        return point.copy >= self.copy_limit

    def to_json(self) -> dict[str, Any]:
        """For `from_json`."""
        return {
            "head": self.head.to_json(),
            "standout": self.standout.to_json(),
            "copy_threshold": self.copy_threshold,
            "copy_limit": self.copy_limit,
            "curve": None if self.curve is None else self.curve.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> MeasurementTerms:
        """KeyError, TypeError or ValueError where it is none."""
        curve = value["curve"]
        return cls(
            head=read_head(value["head"]),
            standout=Standout.from_json(value["standout"]),
            copy_threshold=float(value["copy_threshold"]),
            copy_limit=float(value["copy_limit"]),
            curve=None if curve is None else FalseFlagCurve.from_json(curve),
        )


@dataclass(frozen=True, slots=True)
class SelfMeasurement:
    """The measurement of one snapshot. `standout` is fitted to it: 0.5 lies where 5 % are flagged."""

    terms: MeasurementTerms = field(repr=False)
    standout: Standout
    basis: Basis
    reason: str
    """Why the basis is not MEASURED; empty where it is."""
    patients: int
    """Patients that were asked as if not enrolled."""
    left_out: int
    """Enrolled patients that were left out of the measurement because the models were trained on them."""
    points: tuple[OperatingPoint, ...] = field(repr=False)
    suspects: int = 0
    """Pairs of patients who may be one person under two ids: see measuring.suspects."""
    by_chance: int = 0
    """How many such pairs are to be expected among distinct patients."""
    sharing: int = 0
    """Pairs of patients who share a picture; 0 also where the snapshot was made before they were counted."""

    def at(self, rate: float) -> OperatingPoint:
        """The thresholds for a rate of RATES, or between two of them.

        Raises:
            ValueError: nothing was measured, or the rate is outside RATES.
        """
        if not self.points or not RATES[0] <= rate <= RATES[-1]:
            raise ValueError(f"expected a measured rate of {RATES[0]} to {RATES[-1]}, got {rate}")
        place = bisect_left([point.rate for point in self.points], rate)
        above = self.points[place]
        if above.rate == rate:
            return above
        pair = (self.points[place - 1], above)
        knots = [math.log(point.rate) for point in pair]
        standout, alone, copy = (
            interpolate(math.log(rate), knots, [getattr(point, name) for point in pair])
            for name in ("standout", "standout_alone", "copy")
        )
        # The figures of the stricter neighbour: the interpolated thresholds recognise at least as many.
        limited = any(point.limited for point in pair)
        return OperatingPoint(
            rate, standout, alone, copy, pair[0].flagged, pair[0].recognised, limited, pair[0].matches
        )

    def promise(self, rate: float) -> Promise:
        """What the thresholds for a rate promise of patients who are not enrolled; errors as `at`."""
        return Promise(rate, self.patients, "limited" if self.at(rate).limited else self.basis.value)

    def to_json(self) -> dict[str, Any]:
        """For the manifest: no NaN in it; without `sharing` where nobody shares, as it was before they were counted."""
        value: dict[str, Any] = {
            "terms": self.terms.to_json(),
            "standout": self.standout.to_json(),
            "basis": self.basis.value,
            "reason": self.reason,
            "patients": self.patients,
            "left_out": self.left_out,
            "points": [point.to_json() for point in self.points],
            "suspects": self.suspects,
            "by_chance": self.by_chance,
        }
        if self.sharing:
            value["sharing"] = self.sharing
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SelfMeasurement:
        """What `to_json` wrote; KeyError, TypeError or ValueError where it is none."""
        return cls(
            terms=MeasurementTerms.from_json(value["terms"]),
            standout=Standout.from_json(value["standout"]),
            basis=Basis(value["basis"]),
            reason=str(value["reason"]),
            patients=int(value["patients"]),
            left_out=int(value["left_out"]),
            points=tuple(_point(point) for point in value["points"]),
            suspects=int(value["suspects"]),
            by_chance=int(value["by_chance"]),
            sharing=int(value.get("sharing", 0)),
        )


def without_cohort(about: Mapping[str, Any]) -> dict[str, Any]:
    """What `SelfMeasurement.to_json` wrote, for whoever reads outputs: the head's cohort by its digest."""
    return {**about, "terms": {**about["terms"], "head": recorded(about["terms"]["head"])}}


def described(manifest: SnapshotManifest) -> dict[str, Any]:
    """A manifest with its digest, for whoever reads outputs: see `without_cohort`."""
    content = {**asdict(manifest), "digest": manifest.digest}
    part = content["parts"].get(PartName.MEASUREMENT)
    if part is not None:
        content["parts"] = {**content["parts"], PartName.MEASUREMENT: {**part, "about": without_cohort(part["about"])}}
    return content


def read_measurement(manifest: SnapshotManifest) -> SelfMeasurement | None:
    """What a snapshot measured of itself, None where it did not.

    Raises:
        SnapshotCorrupt: it is not what this version writes.
    """
    part = manifest.parts.get(PartName.MEASUREMENT)
    if part is None:
        return None
    try:
        return SelfMeasurement.from_json(part.about)
    except MALFORMED as error:
        raise SnapshotCorrupt(f"the part {PartName.MEASUREMENT} of a snapshot cannot be read ({error!r})") from error


def _point(value: Mapping[str, Any]) -> OperatingPoint:
    recognised: Sequence[Mapping[str, Any]] = value["recognised"]
    return OperatingPoint(
        **{
            **value,
            "flagged": Share(**value["flagged"]),
            "recognised": tuple(Recognised(**{**item, "share": Share(**item["share"])}) for item in recognised),
        }
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}" if share < 0.1 else f"{100 * share:.0f}"
