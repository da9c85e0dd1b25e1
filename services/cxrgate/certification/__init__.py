"""Signed certificates: what was promised of which gate, and until when."""

from cxrgate.certification.certificate import (
    CERTIFICATE,
    UNCERTIFIED,
    Certificate,
    certificate_bytes,
    read_certificate,
    utc_now,
)
from cxrgate.certification.laxer import certified_laxer, laxer_numbers, laxer_words
from cxrgate.certification.signer import Signer, key_digest
from cxrgate.certification.signing import (
    create_signing_key,
    read_public_key,
    read_signed,
    read_signing_key,
    sign,
    signed_bytes,
)

__all__ = [
    "CERTIFICATE",
    "UNCERTIFIED",
    "Certificate",
    "Signer",
    "certificate_bytes",
    "certified_laxer",
    "create_signing_key",
    "key_digest",
    "laxer_numbers",
    "laxer_words",
    "read_certificate",
    "read_public_key",
    "read_signed",
    "read_signing_key",
    "sign",
    "signed_bytes",
    "utc_now",
]
