"""Statements that are signed: canonical JSON and an Ed25519 signature in one file that can only be written one way."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cxrgate.core import CertificateError, UsageError
from cxrgate.core.digest import canonical_json
from cxrgate.core.json_text import MALFORMED, parse_json

PUBLIC_SUFFIX = ".pub"


def create_signing_key(path: Path) -> Path:
    """Write a new private key for its owner only, and the public one beside it; give the public one's path.

    Raises:
        UsageError: the file exists; a key is never replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    except FileExistsError as error:
        raise UsageError(f"{path} exists already, and a key is never replaced: name another file") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    public = path.with_name(path.name + PUBLIC_SUFFIX)
    public.write_bytes(key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo))
    return public


def read_signing_key(path: Path) -> Ed25519PrivateKey:
    """The private key; UsageError where the file is none."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{path} holds no Ed25519 private key: make one with `cxrgate certificate key`") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{path} holds no Ed25519 private key: make one with `cxrgate certificate key`")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """The public key; UsageError where the file is none."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"{path} holds no Ed25519 public key: name the .pub file that was made beside the private key"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{path} holds no Ed25519 public key: name the .pub file that was made beside the private key")
    return key


def sign(statement: Mapping[str, Any], key: Ed25519PrivateKey) -> bytes:
    """The statement with its signature, as the bytes of a file: equal statements give equal bytes."""
    return signed_bytes(statement, key.sign(canonical_json(statement)))


def read_signed(content: bytes, key: Ed25519PublicKey, name: str) -> dict[str, Any]:
    """The statement of a signed file.

    Args:
        content: what `sign` gave.
        key: whose signature it must be.
        name: of the file, for messages.

    Raises:
        CertificateError: a byte differs from what was signed, or another key signed it.
    """
    try:
        value = parse_json(content)
        statement, signature = value["statement"], bytes.fromhex(value["signature"])
        key.verify(signature, canonical_json(statement))
    except InvalidSignature as error:
        raise CertificateError(
            f"{name} was changed after it was signed, or another key signed it: check the public key"
        ) from error
    except MALFORMED as error:
        raise CertificateError(f"{name} holds no signed statement") from error
    if not isinstance(statement, dict) or content != signed_bytes(statement, signature):
        raise CertificateError(f"{name} was changed after it was signed")
    return statement


def signed_bytes(statement: Mapping[str, Any], signature: bytes) -> bytes:
    """The one way in which a statement and its signature stand in a file."""
    content = {"statement": statement, "signature": signature.hex()}
    return (json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()
