"""The gate with every stage in this process and its decode workers: no Java, no Docker, no second service."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cxrgate.certification import certificate_bytes
from cxrgate.core import MismatchError, ModelError, Policy
from cxrgate.gate.certified import Terms
from cxrgate.gate.config import ModelFolders, PolicyConfig, RunConfig
from cxrgate.gate.model_set import ModelSet
from cxrgate.gate.pipeline import Gate
from cxrgate.images import SandboxedDecoder
from cxrgate.index import LocalSearcher, ModelDigests, Snapshot
from cxrgate.models import Forward, LocalEmbedder, LocalVerifier, ModelKind, keep_freed_memory, load_model


@dataclass(frozen=True, slots=True)
class LocalModels(ModelSet):
    """The models, running on one thread of their own so that two forwards never share the cores."""

    embedder: LocalEmbedder
    verifier: LocalVerifier
    retrieval: Forward
    verification: Forward


@contextmanager
def local_models(folders: ModelFolders, device: str) -> Iterator[LocalModels]:
    """Load the models; ModelError where one is not what its manifest says, or of another kind."""
    keep_freed_memory()
    with ThreadPoolExecutor(1, "compute") as compute:
        retrieval = _load(folders.retrieval, ModelKind.RETRIEVAL, device)
        verification = _load(folders.verification, ModelKind.VERIFICATION, device)
        copy = None if folders.copying is None else _load(folders.copying, ModelKind.COPY, device)
        loaded = (model for model in (retrieval, verification, copy) if model is not None)
        manifests = {model.manifest.kind: model.manifest for model in loaded}
        embedder, verifier = LocalEmbedder(retrieval, compute, copy), LocalVerifier(verification, compute)
        yield LocalModels(manifests, embedder, verifier, retrieval, verification)


def _load(folder: Path, kind: ModelKind, device: str) -> Forward:
    model = load_model(folder)
    if model.manifest.kind is not kind:
        raise ModelError(f"{folder}: expected a {kind} model, got a {model.manifest.kind} model")
    return Forward(model, device)


def bind(rule: PolicyConfig, snapshot: str, references: int, made: ModelDigests, models: ModelSet) -> Policy:
    """The rule, bound to a snapshot and the models.

    Args:
        rule: with or without the models' own numbers.
        snapshot: its digest.
        references: how many it holds.
        made: what it was built with.
        models: what the gate has.

    Raises:
        MismatchError: the snapshot was built with other models, another preprocessing or another copy descriptor.
    """
    if made != models.digests:
        raise MismatchError(f"expected a snapshot built with {models.digests}, this one was with {made}; enrol again")
    return Policy(
        **models.resolve(rule).model_dump(),
        references=references,
        snapshot=snapshot,
        retrieval=made.retrieval,
        verification=made.verification,
        band=models.band,
    )


def make_policy(rule: PolicyConfig, snapshot: Snapshot, models: ModelSet) -> Policy:
    """The rule, bound to a snapshot in this process; errors as `bind`."""
    manifest = snapshot.manifest
    made = ModelDigests(manifest.retrieval, manifest.verification, manifest.copy_method)
    return bind(rule, manifest.digest, manifest.references, made, models)


@contextmanager
def local_gate(config: RunConfig, models: ModelSet, snapshot: Snapshot) -> Iterator[Gate]:
    """A gate over a verified snapshot; the decode workers start up while it is read. Errors as Terms.bind."""
    with SandboxedDecoder(config.workers) as decoder:
        snapshot.verify()
        content = certificate_bytes(snapshot.path)
        policy, certificate = Terms.of(config, models).bind(lambda rule: make_policy(rule, snapshot, models), content)
        copy_space = policy.copy_threshold is not None
        searcher = LocalSearcher(snapshot, policy.candidates, config.engine, copy_space=copy_space)
        yield Gate(decoder, models.embedder, searcher, models.verifier, policy, certificate)
