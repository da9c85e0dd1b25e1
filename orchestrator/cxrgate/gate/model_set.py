"""The models of a gate, wherever they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cxrgate.core.ports import Embedder, Verifier
from cxrgate.gate.config import Rule
from cxrgate.images import COPY_METHOD, COPY_THRESHOLD
from cxrgate.index import ModelDigests
from cxrgate.models import Kind, ModelManifest


@dataclass(frozen=True, slots=True)
class ModelSet:
    """What the models are, and the ports to them. Without a copy model the copy descriptor is the weight-free one."""

    manifests: Mapping[Kind, ModelManifest]
    embedder: Embedder
    verifier: Verifier

    @property
    def digests(self) -> ModelDigests:
        """What a snapshot must have been built with."""
        copy = self.manifests.get(Kind.COPY)
        retrieval, verification = self.manifests[Kind.RETRIEVAL], self.manifests[Kind.VERIFICATION]
        return ModelDigests(retrieval.digest, verification.digest, COPY_METHOD if copy is None else copy.digest)

    def resolve(self, rule: Rule) -> Rule:
        """The rule with a number for the copy threshold, where it says `default`."""
        if rule.copy_threshold != "default":
            return rule
        copy = self.manifests.get(Kind.COPY)
        threshold = None if copy is None else copy.threshold
        return rule.model_copy(update={"copy_threshold": COPY_THRESHOLD if threshold is None else threshold})
