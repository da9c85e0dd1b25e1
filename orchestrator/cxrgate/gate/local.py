"""The gate with every stage in this process and its decode workers: no Java, no Docker, no second service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cxrgate.certification import certificate_bytes
from cxrgate.core.allocator import keep_freed_memory
from cxrgate.core.threads import started_pool
from cxrgate.gate.binding import PolicyBinder, SnapshotFacts
from cxrgate.gate.config import GateConfig, ModelFolders
from cxrgate.gate.dtypes import AS_STORED, DtypeRule
from cxrgate.gate.measurement_terms import measurement_terms
from cxrgate.gate.model_set import ModelSet, embedder_for
from cxrgate.gate.pipeline import Gate
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.index import Snapshot
from cxrgate.index.search import LocalSearcher
from cxrgate.index.self_measurement import MeasurementTerms
from cxrgate.models import ModelKind, by_space
from cxrgate.models.borrowed_head import borrowed_head
from cxrgate.models.devices import expect_device
from cxrgate.models.local import LocalEmbedder, LocalVerifier
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.models.verifier import FeatureVerifier, IdentityVerifier

ON_CPU, ON_GPU = 16, 2
"""Threads that ask models: two for each batch that the gateway has under way at once."""


@dataclass(frozen=True, slots=True)
class LocalModels(ModelSet):
    """The models, which threads of their own ask for rows.

    Those on a CPU share its cores in a pool, see models.runtimes.core_pool. Those on a GPU have two threads: one
    shrinks the next images and queues them while the other waits for its rows.
    """

    embedder: LocalEmbedder
    verifier: FeatureVerifier
    terms: MeasurementTerms
    """How snapshots that these models make measure themselves."""


@contextmanager
def local_models(folders: ModelFolders, device: str, dtypes: DtypeRule = AS_STORED) -> Iterator[LocalModels]:
    """Load the models, each in the dtype that the rule says.

    Errors as expect_device, DtypeRule.manifests and open_forward.
    """
    expect_device(device)
    keep_freed_memory()
    manifests = dtypes.manifests(folders, device)
    with started_pool(ON_CPU if device == "cpu" else ON_GPU, "compute") as compute:
        retrieval = open_forward(folders.retrieval, device, manifests[ModelKind.RETRIEVAL])
        paths = by_space(folders.paths)
        pictures = {name: open_forward(paths[name], device, own) for name, own in by_space(manifests).items()}
        embedder = LocalEmbedder(retrieval, compute, pictures)
        verifier: FeatureVerifier
        if head := borrowed_head(folders.paths, manifests):
            verifier = IdentityVerifier(head, embedder)
        else:
            own = manifests[ModelKind.VERIFICATION]
            verifier = LocalVerifier(open_forward(folders.verification, device, own), compute)
        terms = measurement_terms(folders.retrieval.parent, manifests, verifier.head)
        yield LocalModels(manifests, embedder, verifier, terms)


@contextmanager
def local_gate(config: GateConfig, models: ModelSet, snapshot: Snapshot, *, express: bool = False) -> Iterator[Gate]:
    """A gate over a verified snapshot; the decode workers, see SandboxedDecoder, start up while it is read.

    Errors as PolicyBinder.bind.
    """
    with SandboxedDecoder(config.decode_workers, express=express) as decoder:
        snapshot = snapshot.in_memory()
        content = certificate_bytes(snapshot.path)
        policy, certificate = PolicyBinder.of(config, models).bind(SnapshotFacts.of(snapshot.manifest), content)
        searcher = LocalSearcher(snapshot, policy.candidates, config.engine, policy.searched)
        embedder = embedder_for(policy, models)
        yield Gate(decoder, embedder, searcher, models.verifier, policy, certificate, check_index=snapshot.verify)
