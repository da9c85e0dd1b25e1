"""That journal, run.json, manifest and certificate speak of one policy, one set of models and one certificate mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cxrgate.certification import UNCERTIFIED, read_certificate
from cxrgate.core import CertificateError
from cxrgate.core.digest import bytes_digest, mapping_digest
from cxrgate.core.json_text import MALFORMED
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.verify_run.records import MANIFEST, RELEASED, RUN, Records
from cxrgate.verify_run.violation import Kind, Violation

_UNBOUND = {
    "borderline",
    "retrieval",
    "verification",
    "standout",
    "promise",
    *(space.borderline for space in COSINE_SPACES),
}
"""What a certificate does not name of a policy: it lists images, or follows from snapshot and models."""
_MANIFEST = f"{RELEASED}/{MANIFEST}"


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """A certificate's bytes, unread, and the public key of whoever certifies."""

    content: bytes = field(repr=False)
    key: Ed25519PublicKey = field(repr=False)


def changed_policy(records: Records, journal: Mapping[str, Any]) -> Iterator[Violation]:
    """Where digests differ that have to be one; `journal` is its first line."""
    policy = records.run.get("policy", {})
    digest = mapping_digest(policy)
    stated = {
        RUN: records.run.get("policy_digest"),
        _MANIFEST: (records.manifest or {}).get("policy"),
        "journal": journal.get("policy"),
    }
    for where, value in stated.items():
        if value != digest:
            yield Violation(Kind.POLICY_DIFFERS, where, f"names the policy {value}, run.json holds {digest}")
    models = records.run.get("models", {})
    used = {
        "snapshot": records.run.get("snapshot", {}).get("digest"),
        **{kind: models.get(kind, {}).get("digest") for kind in ("retrieval", "verification")},
    }
    for name, value in used.items():
        if policy.get(name) != value:
            told = f"the policy is of the {name} {policy.get(name)}, the run had {value}"
            yield Violation(Kind.POLICY_DIFFERS, RUN, told)


def changed_certification(records: Records, certificate: CertificateFile | None) -> Iterator[Violation]:
    """Where the certificate mode differs, or the certificate is not the one of the run, or does not hold for it."""
    stated = records.run.get("certification")
    published = (records.manifest or {}).get("certification")
    if stated is None or stated != published:
        yield Violation(Kind.CERTIFICATION_DIFFERS, _MANIFEST, f"states {published}, run.json states {stated}")
    if certificate is None:
        return
    digest = bytes_digest(certificate.content)
    if digest != stated:
        yield Violation(Kind.CERTIFICATION_DIFFERS, RUN, f"states {stated}, the certificate has the digest {digest}")
    for told in _told(records.run, certificate):
        yield Violation(Kind.CERTIFICATION_DIFFERS, "certificate", told)


def is_uncertified(records: Records) -> bool:
    """Whether the run says that nothing was promised."""
    return records.run.get("certification") == UNCERTIFIED


def _told(run: Mapping[str, Any], file: CertificateFile) -> Iterator[str]:
    try:
        certificate = read_certificate(file.content, file.key)
    except CertificateError as error:
        yield str(error)
        return
    try:
        certificate.check_current(datetime.fromisoformat(run["timing"]["finished"]))
    except CertificateError as error:
        yield str(error)
    except MALFORMED:
        yield f"{RUN} does not say when the run ended, so that nobody knows whether the certificate was current then"
    try:
        found = _recorded(run)
    except MALFORMED as error:
        yield f"{RUN} does not say of which policy and models the run was: {type(error).__name__}"
        return
    for name in sorted(certificate.binding.keys() | found.keys()):
        if certificate.binding.get(name) != found.get(name):
            yield f"{name}: the certificate binds {certificate.binding.get(name)}, the run had {found.get(name)}"


def _recorded(run: Mapping[str, Any]) -> dict[str, Any]:
    """Every part that a verdict depends on, as a certificate names it; LookupError or TypeError where one is missing.

    A part that has no value counts as one that is not named, on either side.
    """
    policy = {name: value for name, value in run["policy"].items() if name not in _UNBOUND}
    models = {
        f"{kind}.{part}": value for kind, model in run["models"].items() for part, value in _model_parts(model).items()
    }
    return {"cxrgate": run["cxrgate"], **policy, **models}


def _model_parts(model: Mapping[str, Any]) -> dict[str, Any]:
    digests = {part: mapping_digest(model[part]) for part in ("architecture", "preprocessing")}
    return {"weights": model["weights"], "dtype": model["dtype"], **digests}
