"""The spaces that an index holds, one row each: everything that iterates over spaces does so over this table.

Identity is one of a kind: its distances select candidates, the verification head scores them, and how far a patient
stands out may decide. Every other space answers for pictures: its descriptors are of unit length, the cosine of two is
their similarity, and one threshold decides. A row of COSINE_SPACES says by which names such a space goes in files, on
the wire and in configurations; those names never change.
"""

from __future__ import annotations

from dataclasses import dataclass

IDENTITY = "identity"
"""The space of the retrieval embedding, Euclidean: its array in a snapshot, its matrix on the wire."""
IDENTITY_THRESHOLD = "score_threshold"
"""The number of a policy that a calibration chooses for identity where the same-patient score decides."""
STANDOUT_THRESHOLD = "standout_threshold"
"""The same where the standout decides."""
SAME_PATIENT = "SAME_PATIENT"
"""The reason of an image that identity speaks against."""


@dataclass(frozen=True, slots=True)
class CosineSpace:
    """A space in which the cosine of two descriptors of unit length is held against a threshold.

    Attributes:
        name: of the space, of its array in a snapshot, of its matrix on the wire, and of its model.
        similarity: its column in results, evidence and recorded cases, its field on the wire.
        threshold: its number in policies, configurations, certificates.
        method: what a snapshot's manifest, and the wire, call the way in which its descriptors were made.
        reason: of an image that it speaks against.
        match: what such an image is, in words.
    """

    name: str
    similarity: str
    threshold: str
    method: str
    reason: str
    match: str

    @property
    def borderline(self) -> str:
        """Its number in policies from which a released image is listed for a look."""
        return f"{self.name}_borderline"

    @property
    def title(self) -> str:
        """What the similarity is called on pages and in tables."""
        return f"{self.match.capitalize()} similarity"


COPY = CosineSpace("copy", "similarity", "copy_threshold", "copy_method", "COPY", "copy")
"""The same picture: copy descriptors."""

COSINE_SPACES = (COPY,)
"""Every space but identity, in the order of columns, reasons and candidates."""

SIMILARITIES = tuple(space.similarity for space in COSINE_SPACES)
HELD_AGAINST = {
    IDENTITY_THRESHOLD: "score",
    STANDOUT_THRESHOLD: "standout",
    **{space.threshold: space.similarity for space in COSINE_SPACES},
}
"""By name of each threshold that a calibration chooses the column of results and recorded cases that reaches it."""
CHOSEN = tuple(HELD_AGAINST)
"""Every number that a calibration may choose; a gate has one of the two for identity."""
THRESHOLDS = tuple(name for name in CHOSEN if name != STANDOUT_THRESHOLD)
"""Those of a gate whose same-patient score decides."""
REASONS = {IDENTITY: SAME_PATIENT, **{space.name: space.reason for space in COSINE_SPACES}}
"""By name of each space the reason of an image that it speaks against."""
MATCHES = {SAME_PATIENT: "same patient", **{space.reason: space.match for space in COSINE_SPACES}}
"""The reasons for which an image is NOT_ANONYMOUS, and what each says in words."""
