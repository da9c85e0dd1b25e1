"""Who signs: a private key, the name by which people know it, and the digest by which machines do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cxrgate.certification.signing import read_signing_key
from cxrgate.core.digest import bytes_digest


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs, under the name of its file."""

    name: str
    key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Signer:
        """The private key of a file; UsageError where the file is none."""
        return cls(path.name, read_signing_key(path))

    @property
    def digest(self) -> str:
        """See key_digest."""
        return key_digest(self.key.public_key())


def key_digest(key: Ed25519PublicKey) -> str:
    """Sha256 of a public key, as `openssl pkey -pubin -in KEY.pub -outform DER | sha256sum` gives it."""
    return bytes_digest(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
