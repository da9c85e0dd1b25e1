"""IndexService over the index's state: what comes in is validated, what goes out is the caller's to see."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.api.index.v1 import index_service_pb2_grpc as stubs
from cxrgate.core import CallRefused, MismatchError
from cxrgate.index.build import ModelDigests
from cxrgate.index.changes import Addition
from cxrgate.index.keypoint_rows import FILE
from cxrgate.index.keys import ID_BYTES
from cxrgate.index.manifest import PartName
from cxrgate.index.service.codec import (
    from_keypoints,
    from_matrix,
    from_query,
    from_space_matrices,
    from_spaces,
    invalid,
    model_digests,
    to_index,
    to_neighbors,
)
from cxrgate.index.service.state import IndexState
from cxrgate.index.snapshot import Snapshot
from cxrgate.rpc.admission import Admission
from cxrgate.rpc.guard import current_caller
from cxrgate.rpc.server import Service

NAME = "cxrgate.api.index.v1.IndexService"
QUERIES = 1024
NEIGHBORS = 100
MATCHED_QUERIES = 64
"""The most queries with keypoints in one call: each takes some 20 to 60 ms."""
PAGE, LARGEST_PAGE = 1000, 10000
CONCURRENT = 64
FEATURES_ROLE = "gate"
"""The role whose calls get stored features: the verify call needs them, and nobody else does."""


def index_service(state: IndexState) -> Service:
    """The service, for a Server."""
    return Service(NAME, IndexServicer(state), stubs.add_IndexServiceServicer_to_server)


class IndexServicer(stubs.IndexServiceServicer):
    """See the .proto file."""

    def __init__(self, state: IndexState) -> None:
        """Answer from `state`."""
        self._state = state
        self._admission = Admission(CONCURRENT)

    async def GetIndex(self, request: pb.GetIndexRequest, context: Any) -> pb.GetIndexResponse:
        """The active snapshot."""
        active = self._state.active
        index = to_index(active.snapshot, active.activated, active.certificate)
        return pb.GetIndexResponse(index=index, query_limit=QUERIES, neighbor_limit=NEIGHBORS)

    async def FindNeighbors(self, request: pb.FindNeighborsRequest, context: Any) -> pb.FindNeighborsResponse:
        """Candidates of every query, all from one snapshot."""
        if not 1 <= request.neighbor_count <= NEIGHBORS:
            raise invalid("NEIGHBOR_COUNT", f"neighbor_count must be 1 to {NEIGHBORS}")
        if not 1 <= request.identity.rows <= QUERIES:
            raise invalid("QUERY_COUNT", f"a request holds 1 to {QUERIES} queries")
        if request.keypoints and request.identity.rows > MATCHED_QUERIES:
            raise invalid("QUERY_COUNT", f"a request with keypoints holds 1 to {MATCHED_QUERIES} queries")
        searched = from_spaces(request.spaces)
        features = current_caller().role == FEATURES_ROLE
        if request.keypoints and not features:
            # Whoever asks with rows of his own making can feel out where a reference's keypoints are, and of what kind.
            raise CallRefused("PERMISSION_DENIED", "ROLE", "the caller's role may not ask for matches of keypoints")
        served = self._state.pinned(request.index_digest)
        if request.keypoints and served.snapshot.manifest.match_method is None:
            raise MismatchError("the snapshot keeps no keypoints: enrol with them, or ask for no matches")
        queries = from_query(request, served.snapshot)
        with self._admission.now(current_caller().identity):
            found = await served.search(queries, request.neighbor_count, searched)
        return pb.FindNeighborsResponse(
            index_digest=served.snapshot.manifest.digest,
            results=[to_neighbors(*item, features=features) for item in zip(queries, found, strict=True)],
        )

    async def ListReferences(self, request: pb.ListReferencesRequest, context: Any) -> pb.ListReferencesResponse:
        """One page of opaque ids."""
        if request.page_size < 0:
            raise invalid("PAGE_SIZE", "page_size must be 0 or more")
        digest, start = _read_token(request.page_token)
        snapshot = self._state.pinned(digest).snapshot
        stop = min(start + min(request.page_size or PAGE, LARGEST_PAGE), snapshot.manifest.references)
        rows = zip(snapshot.reference_ids[start:stop], snapshot.patient_keys[start:stop], strict=True)
        following = "" if stop == snapshot.manifest.references else _token(snapshot.manifest.digest, stop)
        return pb.ListReferencesResponse(
            references=[pb.Reference(reference_id=a.tobytes(), patient_key=b.tobytes()) for a, b in rows],
            next_page_token=following,
        )

    async def EnrollReferences(
        self, requests: AsyncIterator[pb.EnrollReferencesRequest], context: Any
    ) -> pb.EnrollReferencesResponse:
        """A new snapshot with references added."""
        first = await anext(aiter(requests), None)
        if first is None or first.WhichOneof("part") != "base":
            raise invalid("SEQUENCE", "the first message must name the base")
        base = first.base
        served = self._state.pinned(base.index_digest).snapshot
        _check_made_alike(base, served)
        batches, trained_on = [], set[bytes]()
        async for request in requests:
            batches.append(_batch(request, served))
            trained_on |= {item.patient_key for item in request.batch.references if item.trained_on}
        if not batches:
            raise invalid("SEQUENCE", "a request holds one or more batches")
        addition = Addition({name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]})
        replaced = set(base.replaced_patient_keys)
        made = await self._state.change(served.manifest.digest, replaced, addition, trained_on)
        return pb.EnrollReferencesResponse(index=to_index(made))

    async def WithdrawPatients(self, request: pb.WithdrawPatientsRequest, context: Any) -> pb.WithdrawPatientsResponse:
        """A new snapshot without some patients."""
        if not request.patient_keys:
            raise invalid("PATIENTS", "a request holds one or more patient keys")
        digest = self._state.pinned(request.index_digest).snapshot.manifest.digest
        made = await self._state.change(digest, set(request.patient_keys))
        return pb.WithdrawPatientsResponse(index=to_index(made))

    async def ActivateSnapshot(self, request: pb.ActivateSnapshotRequest, context: Any) -> pb.ActivateSnapshotResponse:
        """Another snapshot answers from now on."""
        active = await self._state.activate(request.index_digest)
        return pb.ActivateSnapshotResponse(index=to_index(active.snapshot, active.activated, active.certificate))


def _token(digest: str, start: int) -> str:
    return base64.urlsafe_b64encode(f"{digest} {start}".encode()).decode()


def _read_token(token: str) -> tuple[str, int]:
    if not token:
        return "", 0
    try:
        digest, start = base64.b64decode(token, altchars=b"-_", validate=True).decode().split(" ")
        row = int(start)
    except (binascii.Error, ValueError) as error:
        raise invalid("PAGE_TOKEN", "page_token must be a next_page_token of an earlier answer") from error
    if row < 0:
        raise invalid("PAGE_TOKEN", "page_token must be a next_page_token of an earlier answer")
    return digest, row


def _check_made_alike(base: pb.EnrollmentBase, snapshot: Snapshot) -> None:
    if model_digests(base) != ModelDigests.of(snapshot.manifest):
        raise MismatchError("the references were made with other models or another copy descriptor than the base")
    if base.match_method != (snapshot.manifest.match_method or ""):
        raise MismatchError("the base keeps keypoints and the references have none of its kind, or the other way round")


def _batch(request: pb.EnrollReferencesRequest, snapshot: Snapshot) -> dict[str, NDArray[Any]]:
    if request.WhichOneof("part") != "batch" or not request.batch.references:
        raise invalid("SEQUENCE", "each message after the first must hold a batch of references")
    batch, count = request.batch, len(request.batch.references)
    keypoints = from_keypoints(batch.keypoints, count)
    if bool(keypoints) != (PartName.KEYPOINTS in snapshot.parts):
        raise invalid("KEYPOINTS", "references come with keypoints where the base keeps them, and only there")
    return {
        **({FILE: np.stack(keypoints)} if keypoints else {}),
        **from_space_matrices(batch, count, snapshot),
        "features": from_matrix("features", batch.features, count, snapshot.features.shape[1]),
        "reference_ids": _ids([item.reference_id for item in batch.references]),
        "patient_keys": _ids([item.patient_key for item in batch.references]),
    }


def _ids(values: list[bytes]) -> NDArray[np.uint8]:
    if any(len(value) != ID_BYTES for value in values):
        raise invalid("OPAQUE_ID", f"ids must be opaque and of {ID_BYTES} bytes")
    return np.frombuffer(b"".join(values), np.uint8).reshape(-1, ID_BYTES)
