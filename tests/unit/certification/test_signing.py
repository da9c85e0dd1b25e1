import math
import stat

import pytest

from cxrgate.certification import create_signing_key, read_public_key, read_signed, read_signing_key, sign
from cxrgate.certification.signing import signed_bytes
from cxrgate.core import CertificateError, UsageError

STATEMENT = {"format": 1, "bound": 0.0125, "classes": ["identical", "blend"]}


@pytest.fixture
def keys(tmp_path):
    public = create_signing_key(tmp_path / "private" / "signing.key")
    return read_signing_key(tmp_path / "private" / "signing.key"), read_public_key(public)


def test_signed_statement_reads_back_and_is_the_same_bytes_each_time(keys):
    private, public = keys
    content = sign(STATEMENT, private)

    assert read_signed(content, public, "file") == STATEMENT
    assert sign(dict(reversed(STATEMENT.items())), private) == content


def test_what_was_signed_once_stays_readable():
    """The bytes of a file are a part of what is signed."""
    expected = b'{\n  "signature": "01ff",\n  "statement": {\n    "a": 1,\n    "b": 2\n  }\n}\n'

    assert signed_bytes({"b": 2, "a": 1}, b"\x01\xff") == expected
    with pytest.raises(ValueError, match="JSON"):
        signed_bytes({"a": math.nan}, b"")


def test_a_key_makes_the_folders_that_it_lies_in(tmp_path):
    assert read_public_key(create_signing_key(tmp_path / "new/and newer/key"))


def test_every_changed_byte_is_noticed(keys):
    private, public = keys
    content = sign(STATEMENT, private)

    for place in range(len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        with pytest.raises(CertificateError, match="the file"):
            read_signed(changed, public, "the file")


def test_white_space_and_order_are_part_of_what_is_signed(keys):
    private, public = keys

    with pytest.raises(CertificateError, match="was changed after it was signed"):
        read_signed(sign(STATEMENT, private) + b"\n", public, "file")


def test_another_key_is_refused(keys, tmp_path):
    other = read_public_key(create_signing_key(tmp_path / "other"))

    with pytest.raises(CertificateError, match="key"):
        read_signed(sign(STATEMENT, keys[0]), other, "file")


def test_private_key_is_its_owners_and_never_replaced(tmp_path):
    create_signing_key(tmp_path / "signing")

    assert stat.S_IMODE((tmp_path / "signing").stat().st_mode) == 0o400
    with pytest.raises(UsageError, match="never replaced"):
        create_signing_key(tmp_path / "signing")


@pytest.mark.parametrize("read", [read_signing_key, read_public_key])
def test_file_that_is_no_key_is_refused(tmp_path, read):
    (tmp_path / "key").write_bytes(b"nothing")

    with pytest.raises(UsageError, match="Ed25519"):
        read(tmp_path / "key")
