"""A sealed file: AES-256-GCM in chunks, so that it is opened piece by piece and no piece can be moved or left out.

    "CXRSEAL1", salt[16], then chunks of at most 1 MiB, each with its tag[16]

The key of a file is HKDF-SHA-256 of the data key, its salt and its name; the nonce of a chunk is its number and
whether it is the last. So no nonce is ever used twice with a key, and a file under another name does not open.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cxrgate.core import StorageCorrupt

CHUNK = 2**20
_MAGIC = b"CXRSEAL1"
_SALT_BYTES, _TAG_BYTES, _COUNTER_BYTES = 16, 16, 11
_HEADER_BYTES = len(_MAGIC) + _SALT_BYTES


def seal(path: Path, name: str, data_key: bytes, parts: Sequence[bytes | memoryview]) -> None:
    """Write the parts, one after another, sealed under that name."""
    salt = secrets.token_bytes(_SALT_BYTES)
    header, cipher = _MAGIC + salt, _cipher(data_key, salt, name)
    with path.open("wb") as file:
        file.write(header)
        for number, (chunk, last) in enumerate(_chunks(parts)):
            file.write(cipher.encrypt(_nonce(number, last=last), chunk, header))


def unseal(path: Path, name: str, data_key: bytes) -> bytearray:
    """The content; in memory alone.

    Raises:
        StorageCorrupt: not one byte of the file may have changed, and it must have been sealed under that name.
    """
    size = path.stat().st_size - _HEADER_BYTES
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        cipher = _cipher(data_key, header[len(_MAGIC) :], name)
        count = -(-size // (CHUNK + _TAG_BYTES))
        content = bytearray(max(0, size - count * _TAG_BYTES))
        for number in range(max(1, count)):
            sealed = file.read(CHUNK + _TAG_BYTES)
            start = number * CHUNK
            try:
                chunk = cipher.decrypt(_nonce(number, last=number == count - 1), sealed, header)
            except (InvalidTag, ValueError) as error:
                raise StorageCorrupt(f"{path}: the sealed file was changed: bring it back from a backup") from error
            content[start : start + len(chunk)] = chunk
    return content


def _chunks(parts: Sequence[bytes | memoryview]) -> Iterator[tuple[bytes, bool]]:
    """Pieces of CHUNK bytes, and whether it is the last one, which may be shorter or empty."""
    pending = bytearray()
    for part in parts:
        view = memoryview(part).cast("B")
        for start in range(0, len(view), CHUNK):
            pending += view[start : start + CHUNK]
            while len(pending) > CHUNK:
                yield bytes(pending[:CHUNK]), False
                del pending[:CHUNK]
    yield bytes(pending), True


def _cipher(data_key: bytes, salt: bytes, name: str) -> AESGCM:
    info = b"cxrgate sealed file 1\0" + name.encode()
    return AESGCM(HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=info).derive(data_key))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_COUNTER_BYTES, "big") + bytes([last])
