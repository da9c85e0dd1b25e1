"""Index messages to core's objects and back, validated on the way in. Used by the servicer and by its callers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from numpy.typing import NDArray

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.core import CallRefused, Candidates, Descriptors, MismatchError
from cxrgate.core.digest import canonical_json
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.core.keypoints import ROW_BYTES, Keypoints
from cxrgate.core.spaces import COSINE_SPACES, IDENTITY, SIMILARITIES, CosineSpace
from cxrgate.core.standout import Cohort
from cxrgate.index.build import ModelDigests
from cxrgate.index.manifest import PartName
from cxrgate.index.self_measurement import SelfMeasurement, without_cohort
from cxrgate.index.snapshot import Snapshot
from cxrgate.index.spaces import list_count

Float32s = NDArray[np.float32]


def to_matrix(rows: Float32s) -> pb.Float32Matrix:
    """float32[n, d], packed."""
    return pb.Float32Matrix(rows=rows.shape[0], columns=rows.shape[1], values=rows.astype("<f4").tobytes())


def from_matrix(name: str, matrix: pb.Float32Matrix, rows: int, columns: int) -> Float32s:
    """float32[rows, columns].

    Raises:
        CallRefused: INVALID_ARGUMENT, it has another shape, another length, or a value that is not finite.
    """
    if (matrix.rows, matrix.columns) != (rows, columns) or len(matrix.values) != rows * columns * 4:
        raise invalid(
            "DIMENSION_MISMATCH",
            f"{name} has {matrix.rows} x {matrix.columns} numbers in {len(matrix.values)} bytes, "
            f"{rows} x {columns} float32 are needed",
        )
    values = np.frombuffer(matrix.values, "<f4").astype(np.float32).reshape(rows, columns)
    if not np.isfinite(values).all():
        raise invalid("NONFINITE", f"{name} holds numbers that are not finite")
    return values


def invalid(reason: str, message: str) -> CallRefused:
    """The caller's mistake."""
    return CallRefused("INVALID_ARGUMENT", reason, message)


def to_query(
    queries: Sequence[Descriptors], k: int, digest: str, searched: Sequence[CosineSpace] = COSINE_SPACES
) -> pb.FindNeighborsRequest:
    """A request for the candidates of each query in identity and these spaces, from the snapshot of that digest."""
    names = (IDENTITY, *(space.name for space in COSINE_SPACES))
    keypoints = [query.keypoints for query in queries if query.keypoints is not None]
    if len(keypoints) not in {0, len(queries)}:
        raise ValueError("expected keypoints of each query, or of none")
    return pb.FindNeighborsRequest(
        index_digest=digest,
        neighbor_count=k,
        spaces=[space_number(name) for name in (IDENTITY, *(space.name for space in searched))],
        layout=to_matrix(np.stack([query.layout for query in queries])),
        keypoints=b"".join(row.tobytes() for row in keypoints),
        **{name: to_matrix(np.stack([query.spaces[name] for query in queries])) for name in names},
    )


def from_keypoints(packed: bytes, count: int) -> list[NDArray[np.uint8]]:
    """Rows of keypoints, `count` of uint8[ROW_BYTES]; none where nothing was sent.

    Raises:
        CallRefused: INVALID_ARGUMENT, another length, or rows that hold no keypoints.
    """
    if not packed:
        return []
    if len(packed) != count * ROW_BYTES:
        raise invalid(
            "DIMENSION_MISMATCH",
            f"keypoints have {len(packed)} bytes, {count} rows of {ROW_BYTES} are needed",
        )
    rows = list(np.frombuffer(packed, np.uint8).reshape(count, ROW_BYTES))
    try:
        for row in rows:
            Keypoints.from_row(row)
    except ValueError as error:
        raise invalid("KEYPOINTS", "a row of keypoints is none: make it as this version does") from error
    return rows


def space_number(name: str) -> Any:
    """The number by which the wire knows a space."""
    return pb.Space.Value(f"SPACE_{name.upper()}")


def from_spaces(numbers: Sequence[int]) -> tuple[CosineSpace, ...]:
    """The spaces beside identity that a request names; identity must be among them, and none twice.

    Raises:
        CallRefused: INVALID_ARGUMENT, other spaces.
    """
    searched = tuple(space for space in COSINE_SPACES if space_number(space.name) in numbers)
    if sorted(numbers) != sorted([space_number(IDENTITY), *(space_number(space.name) for space in searched)]):
        names = " and ".join((IDENTITY, *(space.name for space in COSINE_SPACES)))
        raise invalid("SPACES", f"spaces must name {IDENTITY}, alone or with others of {names}, each once")
    return searched


def from_query(request: pb.FindNeighborsRequest, snapshot: Snapshot) -> list[Descriptors]:
    """The queries, numbered by their place; errors as from_matrix."""
    count = request.identity.rows
    spaces = from_space_matrices(request, count, snapshot)
    layout = from_matrix("layout", request.layout, count, len(snapshot.mean_layout))
    keypoints: Sequence[NDArray[np.uint8] | None] = from_keypoints(request.keypoints, count) or [None] * count
    return [
        Descriptors(str(i), {name: rows[i] for name, rows in spaces.items()}, layout[i], keypoints=keypoints[i])
        for i in range(count)
    ]


def from_space_matrices(
    message: pb.FindNeighborsRequest | pb.ReferenceBatch, count: int, snapshot: Snapshot
) -> dict[str, Float32s]:
    """By name of each space its descriptors float32[count, d] in a message; errors as from_matrix."""
    names = (IDENTITY, *(space.name for space in COSINE_SPACES))
    return {name: from_matrix(name, getattr(message, name), count, snapshot.arrays[name].shape[1]) for name in names}


def query_digest(query: Descriptors) -> bytes:
    """Sha256 of a query's rows: by it the caller knows that a list answers this query and no other."""
    rows = (query.spaces[IDENTITY], *(query.spaces[space.name] for space in COSINE_SPACES), query.layout)
    keypoints = b"" if query.keypoints is None else query.keypoints.tobytes()
    return hashlib.sha256(b"".join(row.astype("<f4").tobytes() for row in rows) + keypoints).digest()


def to_neighbors(query: Descriptors, found: Candidates, *, features: bool) -> pb.NeighborList:
    """One query's candidates; their stored features only where the caller may have them."""
    cosines = [found.similarities[space.name] for space in COSINE_SPACES]
    matches = [None] * len(found.distances) if found.matches is None else found.matches.tolist()
    lists = [[]] * len(matches) if found.nearest is None else [_numbers(held) for held in found.nearest.T.tolist()]
    columns = zip(found.reference_ids, found.patient_keys, found.distances, matches, lists, *cosines, strict=True)
    neighbors = [
        pb.Neighbor(
            reference_id=bytes.fromhex(reference),
            patient_key=bytes.fromhex(patient),
            distance=far,
            matches=agreeing,
            lists=held_by,
            **dict(zip(SIMILARITIES, near, strict=True)),
        )
        for reference, patient, far, agreeing, held_by, *near in columns
    ]
    packed = to_matrix(found.features) if features else None
    cohort = None if found.cohort is None else pb.Cohort(**asdict(found.cohort))
    return pb.NeighborList(
        neighbors=neighbors,
        features=packed,
        typicality=found.typicality,
        cohort=cohort,
        query_digest=query_digest(query),
    )


def from_neighbors(query: Descriptors, answer: pb.NeighborList) -> Candidates:
    """The candidates of a query.

    Raises:
        CallRefused: the list answers another query, does not say which lists hold its neighbors, or the features are
            not one row per neighbor.
        ValueError: there is no neighbor, or one of them is named twice.
    """
    if answer.query_digest != query_digest(query):
        raise invalid(
            "QUERY_DIGEST", "the index answered another query, or is older than this gate: upgrade the index first"
        )
    found = answer.neighbors
    if len({item.reference_id for item in found}) != len(found):
        raise ValueError("expected each neighbor once, got one reference several times")
    return Candidates(
        image_id=query.image_id,
        reference_ids=tuple(item.reference_id.hex() for item in found),
        patient_keys=tuple(item.patient_key.hex() for item in found),
        distances=np.array([item.distance for item in found], np.float64),
        similarities={
            space.name: np.array([getattr(item, space.similarity) for item in found], np.float64)
            for space in COSINE_SPACES
        },
        features=from_matrix("features", answer.features, len(found), answer.features.columns),
        typicality=answer.typicality,
        cohort=_cohort(answer),
        matches=_matches(found),
        nearest=_nearest(query, found),
    )


def _matches(found: Sequence[pb.Neighbor]) -> NDArray[np.int64] | None:
    """None unless every neighbor says it: an index that does not count leaves a policy that asks without an answer."""
    if not all(item.HasField("matches") for item in found):
        return None
    return np.array([item.matches for item in found], np.int64)


def _numbers(held: Sequence[bool]) -> list[int]:
    return [number for number, holds in enumerate(held) if holds]


def _nearest(query: Descriptors, found: Sequence[pb.Neighbor]) -> NDArray[np.bool_]:
    if not all(item.lists for item in found):
        raise invalid(
            "LISTS",
            "the index does not say which lists hold its neighbors, so one may be lost: it is older than this gate, "
            "upgrade the index first",
        )
    count = 1 + max((number for item in found for number in item.lists), default=0)
    most = list_count(query, COSINE_SPACES) + (query.keypoints is not None)
    if count > most:
        raise invalid("LISTS", f"the index names a list of number {count - 1}, the query has {most}")
    nearest = np.zeros((count, len(found)), np.bool_)
    for place, item in enumerate(found):
        nearest[list(item.lists), place] = True
    return nearest


def _cohort(answer: pb.NeighborList) -> Cohort | None:
    """None from an index service of version 0.1."""
    if not answer.HasField("cohort"):
        return None
    return Cohort(answer.cohort.mean, answer.cohort.spread, answer.cohort.size)


def model_digests(made: pb.Index | pb.EnrollmentBase) -> ModelDigests:
    """What a snapshot, or references that are to be added to one, were made with."""
    methods = {space.name: getattr(made, space.method) for space in COSINE_SPACES}
    return ModelDigests(made.retrieval_model_digest, made.verification_model_digest, methods)


def from_measurement(index: pb.Index) -> SelfMeasurement | None:
    """What the snapshot measured of itself, None where it did not.

    Raises:
        MismatchError: another version wrote it.
    """
    if not index.measurement:
        return None
    try:
        return SelfMeasurement.from_json(parse_json(index.measurement))
    except MALFORMED as error:
        raise MismatchError(f"the index's measurement cannot be read ({error!r}); use equal versions") from error


def to_index(snapshot: Snapshot, activated: datetime | None = None, certificate: bytes | None = None) -> pb.Index:
    """What a snapshot is, without its content; one that is not active has neither time nor certificate."""
    manifest, measured = snapshot.manifest, snapshot.parts.get(PartName.MEASUREMENT)
    time = None
    if activated is not None:
        time = Timestamp()
        time.FromDatetime(activated)
    about: dict[str, Any] = {space.method: manifest.methods[space.name] for space in COSINE_SPACES}
    about |= {f"{space.name}_dimensions": snapshot.arrays[space.name].shape[1] for space in COSINE_SPACES}
    return pb.Index(
        digest=manifest.digest,
        retrieval_model_digest=manifest.retrieval,
        verification_model_digest=manifest.verification,
        reference_count=manifest.references,
        patient_count=manifest.patients,
        identity_dimensions=snapshot.identity.shape[1],
        feature_dimensions=snapshot.features.shape[1],
        layout_dimensions=len(snapshot.mean_layout),
        activate_time=time,
        excluded_count=manifest.excluded,
        images_digest=manifest.images,
        certificate=certificate or b"",
        measurement=b"" if measured is None else canonical_json(without_cohort(measured.about)),
        match_method=manifest.match_method or "",
        **about,
    )
