"""The gate with every stage in this process and its decode workers: no Java, no Docker, no second service."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cxrgate.core import MismatchError, Policy
from cxrgate.gate.config import RunConfig
from cxrgate.gate.pipeline import Gate
from cxrgate.images import SandboxedDecoder
from cxrgate.index import LocalSearcher, ModelDigests, Snapshot
from cxrgate.models import Forward, LocalEmbedder, LocalVerifier, keep_freed_memory, load_model


@dataclass(frozen=True, slots=True)
class LocalModels:
    """Both models, running on one thread of their own so that two forwards never share the cores."""

    retrieval: Forward
    verification: Forward
    embedder: LocalEmbedder
    verifier: LocalVerifier

    @property
    def digests(self) -> ModelDigests:
        """What a snapshot must have been built with."""
        return ModelDigests(self.retrieval.manifest.digest, self.verification.manifest.digest)


@contextmanager
def local_models(retrieval: Path, verification: Path, device: str) -> Iterator[LocalModels]:
    """Load both models; ModelError where one is not what its manifest says."""
    keep_freed_memory()
    with ThreadPoolExecutor(1, "compute") as compute:
        first, second = (Forward(load_model(folder), device) for folder in (retrieval, verification))
        yield LocalModels(first, second, LocalEmbedder(first, compute), LocalVerifier(second, compute))


def make_policy(config: RunConfig, snapshot: Snapshot, models: ModelDigests) -> Policy:
    """The rule, bound to the snapshot and the models.

    Raises:
        MismatchError: the snapshot was built with other models or another preprocessing.
    """
    manifest = snapshot.manifest
    if (manifest.retrieval, manifest.verification) != (models.retrieval, models.verification):
        raise MismatchError(
            f"expected a snapshot built with the models {models.retrieval[:12]} and {models.verification[:12]}, "
            f"this one was built with {manifest.retrieval[:12]} and {manifest.verification[:12]}; enrol again"
        )
    return Policy(
        **config.policy.model_dump(),
        references=manifest.references,
        snapshot=manifest.digest,
        retrieval=models.retrieval,
        verification=models.verification,
    )


@contextmanager
def local_gate(config: RunConfig, models: LocalModels, snapshot: Snapshot) -> Iterator[Gate]:
    """A gate over a verified snapshot; the decode workers start up while it is read."""
    with SandboxedDecoder(config.workers) as decoder:
        snapshot.verify()
        policy = make_policy(config, snapshot, models.digests)
        copy_space = policy.copy_threshold is not None
        searcher = LocalSearcher(snapshot, policy.candidates, config.engine, copy_space=copy_space)
        yield Gate(decoder, models.embedder, searcher, models.verifier, policy)
