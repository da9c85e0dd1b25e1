"""The models of a gate, wherever they run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from cxrgate.core import Policy
from cxrgate.core.ports import Embedder, Verifier
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.images.descriptors import made_by
from cxrgate.index.build import ModelDigests
from cxrgate.models import ModelKind, ModelManifest, by_space
from cxrgate.models.keypoints import KeypointEmbedder


async def _in_this_process() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class ModelSet:
    """What the models are, and the ports to them. Without a copy model the copy descriptor is the weight-free one.

    `are_healthy` asks whether the models answer; in this process they do.
    """

    manifests: Mapping[ModelKind, ModelManifest]
    embedder: Embedder
    verifier: Verifier
    are_healthy: Callable[[], Awaitable[bool]] = field(default=_in_this_process, kw_only=True, repr=False)

    @property
    def digests(self) -> ModelDigests:
        """What a snapshot must have been built with."""
        retrieval, verification = self.manifests[ModelKind.RETRIEVAL], self.manifests[ModelKind.VERIFICATION]
        digests = {name: manifest.digest for name, manifest in by_space(self.manifests).items()}
        methods = {space.name: made_by(space.name, digests.get(space.name)) for space in COSINE_SPACES}
        return ModelDigests(retrieval.digest, verification.digest, methods)

    @property
    def band(self) -> float:
        """The widest of the models' bands."""
        return max(manifest.band for manifest in self.manifests.values())


def embedder_for(policy: Policy, models: ModelSet) -> Embedder:
    """What describes the images that a policy decides on: with keypoints where it asks for matches."""
    return with_keypoints(models.embedder) if policy.match_threshold is not None else models.embedder


def with_keypoints(embedder: Embedder) -> Embedder:
    """The embedder, and the keypoints of each image."""
    return KeypointEmbedder(embedder)
