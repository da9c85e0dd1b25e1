"""From a configured rule to the policy in force: bound to a snapshot, the models and, where required, a certificate.

rule + the models' own numbers + snapshot -> Policy;  certificate: current, and for exactly this policy and models
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cxrgate.certification import Certificate, read_certificate, read_public_key, utc_now
from cxrgate.core import MismatchError, Policy, UsageError
from cxrgate.core.digest import mapping_digest
from cxrgate.core.keypoints import METHOD
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.gate.config import GateConfig, PolicyConfig
from cxrgate.gate.default_rule import thresholds
from cxrgate.gate.model_set import ModelSet
from cxrgate.index import SnapshotManifest
from cxrgate.index.build import ModelDigests
from cxrgate.index.self_measurement import SelfMeasurement, read_measurement
from cxrgate.models import ModelKind, ModelManifest, by_space
from cxrgate.models.local import own_thresholds

BINDING_KEYS = (
    "candidates",
    "score_threshold",
    "standout_threshold",
    *(space.threshold for space in COSINE_SPACES),
    "minimum_typicality",
    "minimum_frontality",
    "match_threshold",
)
"""The numbers of a rule that a verdict depends on."""

MINIMUM_FRONTALITY = 0.5
"""Where the models that tell outliers are calibrated; see train.frontality."""


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """What a policy depends on of a snapshot, wherever it is searched."""

    digest: str
    references: int
    built_with: ModelDigests
    measurement: SelfMeasurement | None = None
    """Of itself; None where it was never measured."""
    match_method: str | None = None
    """How its keypoints were found; None where it keeps none."""

    @classmethod
    def of(cls, manifest: SnapshotManifest) -> SnapshotFacts:
        """The facts of a snapshot in this process."""
        built_with = ModelDigests.of(manifest)
        measurement = read_measurement(manifest)
        return cls(manifest.digest, manifest.references, built_with, measurement, manifest.match_method)


@dataclass(frozen=True, slots=True)
class PolicyBinder:
    """A rule as it was configured, the gate's models, and whose certificate is required; `key` None: nobody's.

    `side` is Policy's.
    """

    rule: PolicyConfig
    models: ModelSet
    key: Ed25519PublicKey | None = None
    side: int | None = None

    @classmethod
    def of(cls, config: GateConfig, models: ModelSet) -> PolicyBinder:
        """What a configuration says; UsageError where a certificate is required and its key cannot be read."""
        if config.certification == "none":
            return cls(config.policy, models, side=config.release.side)
        if config.certification_key is None:
            raise UsageError("certification: required needs certification_key, the public key of whoever certifies")
        return cls(config.policy, models, read_public_key(config.certification_key), config.release.side)

    def bind(self, snapshot: SnapshotFacts, content: bytes | None) -> tuple[Policy, Certificate | None]:
        """The policy in force and, where one is required, its certificate.

        Args:
            snapshot: what is searched.
            content: bytes of the certificate that lies beside the snapshot, None where there is none.

        Raises:
            CertificateError: a certificate is required, and there is none or it is not for this very gate, now.
            MismatchError: see bind_policy.
        """
        if self.key is None:
            return bind_policy(self.rule, snapshot, self.models, self.side), None
        certificate = read_certificate(content, self.key)
        certificate.check_current(utc_now())
        policy = bind_policy(certified_rule(self.rule, certificate), snapshot, self.models, self.side)
        certificate.check_binding(binding(policy, self.models.manifests))
        return policy, certificate


def bind_policy(rule: PolicyConfig, snapshot: SnapshotFacts, models: ModelSet, side: int | None = None) -> Policy:
    """The rule, with or without the models' own numbers, bound to a snapshot and the models.

    Raises:
        MismatchError: the snapshot was built with other models, another preprocessing or another copy descriptor; or
            it was never measured, see default_rule.thresholds; or matches are asked of one that keeps no keypoints.
        UsageError: images would be made smaller than the models look at them.
    """
    _expect_room(side, models)
    made = snapshot.built_with
    if made != models.digests:
        raise MismatchError(
            f"the snapshot was built with {made}, the gate has {models.digests}: enrol again, or name those models"
        )
    _expect_keypoints(rule, snapshot)
    own, decided = resolve_defaults(rule, models.manifests), thresholds(rule, snapshot.measurement)
    frontality = None if own.minimum_frontality is None else float(own.minimum_frontality)
    for name in (space.threshold for space in COSINE_SPACES):
        if decided[name] == "default":
            decided[name] = getattr(own, name)
    return Policy(
        candidates=own.candidates,
        minimum_typicality=own.minimum_typicality,
        minimum_frontality=frontality,
        **decided,
        references=snapshot.references,
        snapshot=snapshot.digest,
        retrieval=made.retrieval,
        verification=made.verification,
        band=models.band,
        side=side,
        match_method=None if decided["match_threshold"] is None else METHOD,
    )


def _expect_keypoints(rule: PolicyConfig, snapshot: SnapshotFacts) -> None:
    """Raise MismatchError where the rule asks for matches and the snapshot has no keypoints, or others."""
    if rule.match_threshold is None or snapshot.match_method == METHOD:
        return
    what = "keeps no keypoints" if snapshot.match_method is None else "keeps keypoints of another version"
    raise MismatchError(
        f"policy.match_threshold is set and the snapshot {what}: enrol again with that key in the configuration, or by "
        "`cxrgate index build --keypoints`; or leave match_threshold out"
    )


def _expect_room(side: int | None, models: ModelSet) -> None:
    """Raise UsageError for a side below a model's: less would be judged than what the models were calibrated on."""
    largest = max(max(item.preprocessing.height, item.preprocessing.width) for item in models.manifests.values())
    if side is not None and side < largest:
        raise UsageError(
            f"release.side: the models look at {largest} pixels, {side} are fewer: choose {largest} or more"
        )


def resolve_defaults(rule: PolicyConfig, manifests: Mapping[ModelKind, ModelManifest]) -> PolicyConfig:
    """The rule with the models' own numbers, where it says `default`."""
    architecture = manifests[ModelKind.RETRIEVAL].architecture
    tells_outliers = architecture.outputs > architecture.embedding
    of_models = own_thresholds(by_space(manifests))
    own = {
        **{space.threshold: of_models[space.name] for space in COSINE_SPACES},
        "minimum_frontality": MINIMUM_FRONTALITY if tells_outliers else None,
    }
    return rule.model_copy(update={name: own[name] for name in own if getattr(rule, name) == "default"})


def certified_rule(rule: PolicyConfig, certificate: Certificate) -> PolicyConfig:
    """The rule with the certificate's numbers where the configuration names none.

    The borderline only marks what is listed: one above a certified threshold is brought down to it.
    """
    # A certificate of version 0.1 names no standout_threshold: its gate decided by the score.
    numbers = {name: certificate.binding.get(name) for name in BINDING_KEYS}
    merged = rule.model_copy(update={name: numbers[name] for name in BINDING_KEYS if name not in rule.model_fields_set})
    limits = [limit for limit in (merged.score_threshold, merged.standout_threshold) if limit is not None]
    return merged.model_copy(update={"borderline": min(merged.borderline, *limits)})


def binding(policy: Policy, manifests: Mapping[ModelKind, ModelManifest]) -> dict[str, Any]:
    """Every part that a verdict depends on, by name, so that a certificate can tell which one changed."""
    names = (*BINDING_KEYS, "snapshot", "references", "side", "match_method")
    parts = {name: value for name, value in policy.to_json().items() if name in names}
    models = {
        f"{kind}.{part}": value for kind in sorted(manifests) for part, value in model_parts(manifests[kind]).items()
    }
    return {"cxrgate": version("cxrgate"), "band": policy.band, **parts, **models}


def model_parts(manifest: ModelManifest) -> dict[str, str]:
    """Weights, architecture, preprocessing and dtype of a model, each as its digest or name."""
    value = manifest.to_json()
    digests = {part: mapping_digest(value[part]) for part in ("architecture", "preprocessing")}
    return {"weights": manifest.weights_sha256, "dtype": manifest.dtype.value, **digests}
