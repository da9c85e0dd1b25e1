"""A data key, wrapped by the storage key: what lies in a `.wrapped` file."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cxrgate.core import StorageCorrupt, StorageError
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.storage.durable import write_durably
from cxrgate.storage.regular_file import read_regular_file

WRAPPED = ".wrapped"
"""What the names of wrapped keys end in."""

_DOMAIN = b"cxrgate data key 1"
_NONCE_BYTES = 12


def create_data_key(path: Path, storage_key: bytes) -> bytes:
    """Make a data key, write it wrapped to `path`, which must not exist, and give it.

    Args:
        path: ends in WRAPPED.
        storage_key: 32 bytes.
    """
    data_key = secrets.token_bytes(32)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_wrap(storage_key, data_key))
        os.fsync(file.fileno())
    return data_key


def open_data_key(path: Path, storage_key: bytes) -> bytes:
    """The data key.

    Raises:
        StorageError: there is none, or it was wrapped with another storage key.
        StorageCorrupt: the file was changed.
    """
    content = _read(path)
    if content["key"] != _name(storage_key):
        raise StorageError(
            f"{path} wants the storage key {content['key']}, and {_name(storage_key)} was given: name the right key"
        )
    nonce, wrapped = bytes.fromhex(content["nonce"]), bytes.fromhex(content["wrapped"])
    try:
        return AESGCM(storage_key).decrypt(nonce, wrapped, _DOMAIN)
    except (InvalidTag, ValueError) as error:
        raise StorageCorrupt(f"{path}: the wrapped key was changed: bring it back from a backup") from error


def rewrap(path: Path, old: bytes, new: bytes) -> bool:
    """Wrap a data key with another storage key, in one step; False where that was done before.

    Raises:
        StorageError: it is wrapped with neither.
        StorageCorrupt: the file was changed.
    """
    if _read(path)["key"] == _name(new):
        return False
    write_durably(path, _wrap(new, open_data_key(path, old)))
    return True


def wrapped_keys(folder: Path) -> Iterator[Path]:
    """Every wrapped key in a folder and below it."""
    yield from sorted(folder.rglob(f"*{WRAPPED}"))


def _wrap(storage_key: bytes, data_key: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    wrapped = AESGCM(storage_key).encrypt(nonce, data_key, _DOMAIN)
    content = {"format": 1, "key": _name(storage_key), "nonce": nonce.hex(), "wrapped": wrapped.hex()}
    return json.dumps(content).encode() + b"\n"


def _name(storage_key: bytes) -> str:
    """Tells keys apart without telling a key."""
    return hashlib.sha256(_DOMAIN + storage_key).hexdigest()[:16]


def _read(path: Path) -> dict[str, str]:
    try:
        content = parse_json(read_regular_file(path))
        known = {name: str(content[name]) for name in ("key", "nonce", "wrapped")}
        bytes.fromhex(known["nonce"] + known["wrapped"])
    except FileNotFoundError as error:
        raise StorageError(f"there is no wrapped key at {path}: the sealed data cannot be opened without it") from error
    except (OSError, *MALFORMED) as error:
        raise StorageCorrupt(f"{path}: the wrapped key was changed: bring it back from a backup") from error
    return known
