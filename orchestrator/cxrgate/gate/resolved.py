"""The policy that a configuration leads to, from files alone: no model is opened, and no certificate is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from cxrgate.certification import Certificate
from cxrgate.core import CxrgateError
from cxrgate.core.keypoints import METHOD
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.gate.binding import certified_rule, resolve_defaults
from cxrgate.gate.config import GateConfig
from cxrgate.gate.default_rule import thresholds
from cxrgate.gate.dtypes import DtypeRule
from cxrgate.images.descriptors import model_of
from cxrgate.index import SnapshotManifest
from cxrgate.index.self_measurement import read_measurement
from cxrgate.models import ModelKind, ModelManifest

_DEFAULT = "default"


def resolved_policy(config: GateConfig, snapshot: SnapshotManifest, certificate: Certificate | None) -> dict[str, Any]:
    """What binding.bind_policy makes of it, by the names of Policy.to_json; None for what such a policy does not have.

    Numbers that the models have are left out where those that the snapshot was built with are not at hand.

    Raises:
        MismatchError: see default_rule.thresholds.
        SnapshotCorrupt: the measurement is not what this version writes.
    """
    rule = config.policy if certificate is None else certified_rule(config.policy, certificate)
    manifests = _built_with(config, snapshot)
    own = rule if manifests is None else resolve_defaults(rule, manifests)
    decided = thresholds(rule, read_measurement(snapshot))
    for name in (space.threshold for space in COSINE_SPACES):
        decided[name] = getattr(own, name) if decided[name] == _DEFAULT else decided[name]
    numbers = {
        "standout_threshold": None,
        "standout": None,
        "promise": None,
        **{space.borderline: None for space in COSINE_SPACES},
        **decided,
        "candidates": own.candidates,
        "minimum_typicality": own.minimum_typicality,
        "minimum_frontality": own.minimum_frontality,
        "references": snapshot.references,
        "snapshot": snapshot.digest,
        "retrieval": snapshot.retrieval,
        "verification": snapshot.verification,
        "side": config.release.side,
        "match_method": None if decided["match_threshold"] is None else METHOD,
        **({} if manifests is None else {"band": max(manifest.band for manifest in manifests.values())}),
    }
    return {name: _plain(value) for name, value in numbers.items() if value != _DEFAULT}


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _built_with(config: GateConfig, snapshot: SnapshotManifest) -> Mapping[ModelKind, ModelManifest] | None:
    """The models of the configuration; None where they cannot be read, or are not those of the snapshot."""
    try:
        found = DtypeRule.of(config).manifests(config.folders, config.device)
    except (CxrgateError, OSError):
        return None
    digests = {kind.value: manifest.digest for kind, manifest in found.items()}
    made = {"retrieval": snapshot.retrieval, "verification": snapshot.verification}
    made |= {space: model_of(space, method) for space, method in snapshot.methods.items() if space in digests}
    return found if digests == made else None
