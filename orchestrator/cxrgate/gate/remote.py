"""The index service as a Searcher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import grpc

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.api.index.v1 import index_service_pb2_grpc as stubs
from cxrgate.core import CallRefused, Candidates, Descriptors, Failure, MismatchError, Policy
from cxrgate.core.ports import Decoder
from cxrgate.gate.binding import PolicyBinder, SnapshotFacts
from cxrgate.gate.model_set import embedder_for
from cxrgate.gate.pipeline import Gate
from cxrgate.gate.whole_lists import no_candidates
from cxrgate.index.service.codec import from_measurement, from_neighbors, model_digests, to_query
from cxrgate.rpc.deadline import remaining
from cxrgate.rpc.tracing import trace_headers

SECONDS = 10.0
"""The longest that one search may take."""


MATCHED_AT_ONCE = 16
"""Queries with keypoints in one call, so that it ends in time: each takes the index up to some 60 ms."""


class RemoteSearcher:
    """Finds candidates in the index service, in the one snapshot that the policy names."""

    def __init__(self, channel: grpc.aio.Channel, policy: Policy) -> None:
        """Search over `channel`, as the gate's identity: nobody else is given stored features."""
        self._stub: stubs.IndexServiceAsyncStub = stubs.IndexServiceStub(channel)
        self._policy = policy

    async def search(self, queries: Sequence[Descriptors]) -> list[Candidates | Failure]:
        """See core.ports.Searcher. A call that fails, or answers from another snapshot, raises: all are Failures."""
        if not queries:
            return []
        size = len(queries) if self._policy.match_threshold is None else MATCHED_AT_ONCE
        pieces = [queries[start : start + size] for start in range(0, len(queries), size)]
        return [found for piece in pieces for found in await self._ask(piece)]

    async def _ask(self, queries: Sequence[Descriptors]) -> list[Candidates | Failure]:
        policy = self._policy
        request = to_query(queries, policy.candidates, policy.snapshot, policy.searched)
        # An index that restarts is waited for; what it does not answer in time is no pass.
        answer = await self._stub.FindNeighbors(
            request, timeout=remaining(SECONDS), metadata=trace_headers(), wait_for_ready=True
        )
        if answer.index_digest != policy.snapshot:
            raise MismatchError("the index answered from another snapshot than the policy names")
        return [_candidates(query, found) for query, found in zip(queries, answer.results, strict=True)]


def _candidates(query: Descriptors, found: pb.NeighborList) -> Candidates | Failure:
    try:
        return replace(from_neighbors(query, found), frontality=query.frontality)
    except CallRefused as error:
        return no_candidates(query, error.message)
    except ValueError:
        return no_candidates(query, "one is named twice, or there is none")


async def describe_index(channel: grpc.aio.Channel, seconds: float = SECONDS) -> pb.Index:
    """What the index service has active; grpc.aio.AioRpcError where it does not answer within `seconds`."""
    stub: stubs.IndexServiceAsyncStub = stubs.IndexServiceStub(channel)
    answer = await stub.GetIndex(pb.GetIndexRequest(), timeout=remaining(seconds))
    return answer.index


def remote_gate(channel: grpc.aio.Channel, binder: PolicyBinder, index: pb.Index, decoder: Decoder) -> Gate:
    """A gate over the index service's active snapshot, with the certificate that the service has of it.

    Its policy is what a local gate over that snapshot would have.

    Raises:
        MismatchError: the snapshot was built with other models or another preprocessing.
        CertificateError: see PolicyBinder.bind.
    """
    models = binder.models
    made, measurement, method = model_digests(index), from_measurement(index), index.match_method or None
    facts = SnapshotFacts(index.digest, index.reference_count, made, measurement, method)
    policy, certificate = binder.bind(facts, index.certificate or None)
    searcher, embedder = RemoteSearcher(channel, policy), embedder_for(policy, models)
    return Gate(decoder, embedder, searcher, models.verifier, policy, certificate)
