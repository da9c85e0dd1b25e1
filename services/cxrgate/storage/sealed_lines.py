"""Lines of an append-only file, sealed one by one: base64 of nonce, ciphertext and tag, bound to the line's number."""

from __future__ import annotations

import base64
import binascii
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
"""Random: with 2^32 lines under one data key the chance of a repeated nonce is 2^-33 (NIST SP 800-38D, 8.3)."""


class SealedLines:
    """Seals and opens lines under a data key."""

    def __init__(self, data_key: bytes) -> None:
        self._cipher = AESGCM(data_key)

    def seal(self, number: int, payload: bytes) -> bytes:
        """The line of that number, without its end."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, payload, _place(number)))

    def open(self, number: int, line: bytes) -> bytes | None:
        """The payload; None unless it was sealed as the line of that number."""
        try:
            content = base64.b64decode(line, validate=True)
            return self._cipher.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], _place(number))
        except (InvalidTag, ValueError, binascii.Error):
            return None


def _place(number: int) -> bytes:
    return f"cxrgate line {number}".encode()
