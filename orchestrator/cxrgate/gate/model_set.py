"""The models of a gate, wherever they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cxrgate.core.ports import Embedder, Verifier
from cxrgate.gate.config import PolicyConfig
from cxrgate.images import COPY_METHOD, JOINED_METHOD
from cxrgate.index import ModelDigests
from cxrgate.models import BANDS, ModelKind, ModelManifest, copy_threshold

MINIMUM_FRONTALITY = 0.5
"""Where the models that tell strangers are calibrated; see train.strangers."""


@dataclass(frozen=True, slots=True)
class ModelSet:
    """What the models are, and the ports to them. Without a copy model the copy descriptor is the weight-free one."""

    manifests: Mapping[ModelKind, ModelManifest]
    embedder: Embedder
    verifier: Verifier

    @property
    def digests(self) -> ModelDigests:
        """What a snapshot must have been built with."""
        copy = self.manifests.get(ModelKind.COPY)
        retrieval, verification = self.manifests[ModelKind.RETRIEVAL], self.manifests[ModelKind.VERIFICATION]
        method = COPY_METHOD if copy is None else f"{copy.digest} {JOINED_METHOD}"
        return ModelDigests(retrieval.digest, verification.digest, method)

    async def are_healthy(self) -> bool:
        """Whether the models answer; in this process they do."""
        return True

    @property
    def band(self) -> float:
        """The widest band of the models' dtypes."""
        return max(BANDS[manifest.dtype] for manifest in self.manifests.values())

    def resolve(self, rule: PolicyConfig) -> PolicyConfig:
        """The rule with the models' own numbers, where it says `default`."""
        own = {
            "copy_threshold": copy_threshold(self.manifests.get(ModelKind.COPY)),
            "minimum_frontality": self._minimum_frontality(),
        }
        return rule.model_copy(update={name: own[name] for name in own if getattr(rule, name) == "default"})

    def _minimum_frontality(self) -> float | None:
        architecture = self.manifests[ModelKind.RETRIEVAL].architecture
        return MINIMUM_FRONTALITY if architecture.outputs > architecture.embedding else None
