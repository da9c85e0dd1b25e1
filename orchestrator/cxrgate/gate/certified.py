"""The policy of a gate, and the certificate that it may need: nothing is released without where one is required."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cxrgate.certification import Certificate, read_certificate, read_public_key, utc_now
from cxrgate.core import Policy, UsageError
from cxrgate.core.digest import mapping_digest
from cxrgate.gate.config import PolicyConfig, RunConfig
from cxrgate.gate.model_set import ModelSet
from cxrgate.models import ModelKind, ModelManifest

BINDING_KEYS = ("candidates", "score_threshold", "copy_threshold", "minimum_typicality", "minimum_frontality")
"""The numbers of a rule that a verdict depends on."""


@dataclass(frozen=True, slots=True)
class Terms:
    """A gate's rule as it was configured, its models, and who must have certified them; `key` None: nobody."""

    rule: PolicyConfig
    models: ModelSet
    key: Ed25519PublicKey | None = None

    @classmethod
    def of(cls, config: RunConfig, models: ModelSet) -> Terms:
        """What a configuration says; UsageError where a certificate is required and its key cannot be read."""
        if config.certification == "none":
            return cls(config.policy, models)
        if config.certification_key is None:
            raise UsageError("expected certification_key with certification: required")
        return cls(config.policy, models, read_public_key(config.certification_key))

    def bind(self, make: Callable[[PolicyConfig], Policy], content: bytes | None) -> tuple[Policy, Certificate | None]:
        """The policy in force and, where one is required, its certificate.

        Args:
            make: binds a rule to the snapshot.
            content: bytes of the certificate that lies beside the snapshot, None where there is none.

        Raises:
            CertificateError: a certificate is required, and there is none or it is not for this very gate, now.
            MismatchError: see `make`.
        """
        if self.key is None:
            return make(self.rule), None
        certificate = read_certificate(content, self.key)
        certificate.check_current(utc_now())
        policy = make(certified_rule(self.rule, certificate))
        certificate.check_binding(binding(policy, self.models.manifests))
        return policy, certificate


def certified_rule(rule: PolicyConfig, certificate: Certificate) -> PolicyConfig:
    """The rule with the certificate's numbers where the configuration names none.

    The borderline only marks what is listed: one above a certified threshold is brought down to it.
    """
    certified = {name: certificate.binding[name] for name in BINDING_KEYS if name not in rule.model_fields_set}
    merged = rule.model_copy(update=certified)
    return merged.model_copy(update={"borderline": min(merged.borderline, merged.score_threshold)})


def binding(policy: Policy, manifests: Mapping[ModelKind, ModelManifest]) -> dict[str, Any]:
    """Every part that a verdict depends on, by name, so that a certificate can tell which one changed."""
    parts = {name: value for name, value in asdict(policy).items() if name in (*BINDING_KEYS, "snapshot", "references")}
    models = {
        f"{kind}.{part}": value for kind in sorted(manifests) for part, value in model_parts(manifests[kind]).items()
    }
    return {"cxrgate": version("cxrgate"), "band": policy.band, **parts, **models}


def model_parts(manifest: ModelManifest) -> dict[str, str]:
    """Weights, architecture, preprocessing and dtype of a model, each as its digest or name."""
    value = manifest.to_json()
    digests = {part: mapping_digest(value[part]) for part in ("architecture", "preprocessing")}
    return {"weights": manifest.weights_sha256, "dtype": manifest.dtype.value, **digests}
