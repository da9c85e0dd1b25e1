"""What a calibration promises, and of which gate: a signed statement that lies beside the snapshot.

The statement's `binding` names every part that the promise depends on, one by one, so that a difference has a name;
`expires` is when it is over. All else (counts, bounds, digests of the recorded cases) is for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cxrgate.certification.signing import read_signed
from cxrgate.core import CertificateError
from cxrgate.core.digest import bytes_digest
from cxrgate.core.json_text import MALFORMED
from cxrgate.core.spaces import CHOSEN

CERTIFICATE = "certificate.json"
"""Its name in a snapshot's folder."""
UNCERTIFIED = "uncertified"
"""What every output says where nothing is promised."""
FORMAT = 2
"""Of new certificates: they name the default rule of their time, and what is laxer than it."""
READABLE = (1, FORMAT)


def utc_now() -> datetime:
    """The time by the wall clock: a certificate is over on a date, whatever else was running."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate whose signature holds; `digest` is the sha256 of its file."""

    digest: str
    binding: Mapping[str, Any] = field(repr=False)
    expires: datetime
    statement: Mapping[str, Any] = field(repr=False)

    def check_current(self, now: datetime) -> None:
        """Raise CertificateError from the moment on at which it expires."""
        if now >= self.expires:
            raise CertificateError(
                f"the certificate expired on {self.expires.isoformat()}: calibrate anew, or renew it"
            )

    def check_binding(self, found: Mapping[str, Any]) -> None:
        """Raise CertificateError, naming each part that differs, unless the gate is the one that was calibrated."""
        names = [*self.binding, *(name for name in found if name not in self.binding)]
        differing = [name for name in names if self.binding.get(name) != found.get(name)]
        if differing:
            told = "; ".join(f"{name}: {self.binding.get(name)}, here {found.get(name)}" for name in differing)
            hint = "; a policy that names no thresholds takes these" if set(CHOSEN).issuperset(differing) else ""
            raise CertificateError(f"the certificate is for another gate, one with {told}{hint}")

    def check_snapshot(self, digest: str) -> None:
        """Raise CertificateError unless it was issued for the snapshot of that digest."""
        if self.binding.get("snapshot") != digest:
            raise CertificateError(f"the certificate is for another snapshot than {digest}: calibrate this one")


def read_certificate(content: bytes | None, key: Ed25519PublicKey) -> Certificate:
    """The certificate in a file's bytes; None where there is no file.

    Raises:
        CertificateError: there is none, a byte was changed, another key signed it, or it is of another format.
    """
    if content is None:
        raise CertificateError(f"there is no certificate, {CERTIFICATE} in the snapshot's folder: calibrate first")
    statement = read_signed(content, key, CERTIFICATE)
    try:
        if statement["format"] not in READABLE:
            told = ", ".join(map(str, READABLE))
            raise CertificateError(
                f"{CERTIFICATE} is of format {statement['format']}, this version reads {told}: update cxrgate, or "
                "calibrate again"
            )
        expires = datetime.fromisoformat(statement["expires"])
        return Certificate(bytes_digest(content), dict(statement["binding"]), expires, statement)
    except MALFORMED as error:
        raise CertificateError(f"{CERTIFICATE} is signed, but it is no certificate: calibrate again") from error


def certificate_bytes(snapshot: Path) -> bytes | None:
    """The bytes of the certificate beside a snapshot, unread; None where there is none."""
    path = snapshot / CERTIFICATE
    return path.read_bytes() if path.is_file() else None
