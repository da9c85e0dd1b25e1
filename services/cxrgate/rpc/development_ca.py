"""A development certificate authority. Its key lies in a folder: fit for a laptop and for tests, not for a hospital."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cxrgate.core import UsageError
from cxrgate.rpc.channel import Identity

DAYS = 90
LOCAL = ("localhost", "127.0.0.1")
SERVERS = frozenset({"gate", "index", "review"})
"""The roles of the services themselves."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority's certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def create(cls) -> Authority:
        """A new one, valid for 90 days."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("cxrgate development CA")
        builder = _builder(name, name, key.public_key(), timedelta(days=DAYS))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        return cls(builder.sign(key, hashes.SHA256()), key)

    def issue(
        self, spiffe_id: str | None, hosts: Sequence[str] = LOCAL, valid: timedelta = timedelta(days=DAYS)
    ) -> Identity:
        """A certificate and key; only with hosts it may serve. A negative `valid` is over already."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name("cxrgate"), self.certificate.subject, key.public_key(), valid)
        names: list[x509.GeneralName] = [_host(host) for host in hosts]
        if spiffe_id is not None:
            names.append(x509.UniformResourceIdentifier(spiffe_id))
        serving = [ExtendedKeyUsageOID.SERVER_AUTH] if hosts else []
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, *serving])
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(usage, critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        # Two such authorities have one name: who trusts both, as while they change, tells them apart by their keys.
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        return Identity(_pem(builder.sign(self.key, hashes.SHA256())), _key_pem(key), _pem(self.certificate))


def write_development_certificates(folder: Path, identities: Mapping[str, str], hosts: Sequence[str]) -> list[Path]:
    """Make an authority and one subfolder per identity, named after the id's last part; its key is thrown away.

    Args:
        folder: what to make.
        identities: SPIFFE id to role. Only the services' own may serve: a generator must not pass for a gate.
        hosts: names and addresses of the servers.

    Raises:
        UsageError: the folder exists: certificates that are in use are not replaced in passing.
    """
    if folder.exists():
        raise UsageError(f"{folder} exists: name a new folder")
    authority = Authority.create()
    folders = []
    for spiffe_id, role in identities.items():
        target = folder / spiffe_id.rsplit("/", 1)[-1]
        write_identity(target, authority.issue(spiffe_id, hosts if role in SERVERS else ()))
        folders.append(target)
    return folders


def write_identity(folder: Path, identity: Identity) -> None:
    """Write `tls.crt`, `ca.crt` and, for its owner only, `tls.key`."""
    folder.mkdir(parents=True)
    (folder / "tls.crt").write_bytes(identity.certificate)
    (folder / "ca.crt").write_bytes(identity.authority)
    descriptor = os.open(folder / "tls.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "wb") as file:
        file.write(identity.key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, valid: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    start = min(now, now + valid) - timedelta(minutes=5)
    return x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), start, now + valid)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
