"""A certificate is for one gate, until one moment."""

from datetime import UTC, datetime, timedelta

import pytest

from cxrgate.certification import create_signing_key, read_signing_key, sign
from cxrgate.certification.certificate import CERTIFICATE, Certificate, certificate_bytes, read_certificate
from cxrgate.core import CertificateError
from cxrgate.core.digest import bytes_digest

END = datetime(2026, 11, 29, tzinfo=UTC)
BINDING = {"snapshot": "s", "score_threshold": 0.5}


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    folder = tmp_path_factory.mktemp("key")
    create_signing_key(folder / "key")
    return read_signing_key(folder / "key")


def made(**binding):
    return Certificate("digest", BINDING | binding, END, {})


def test_it_is_over_from_its_end_on():
    made().check_current(END - timedelta(microseconds=1))
    for late in (END, END + timedelta(days=1)):
        with pytest.raises(CertificateError, match="expired on 2026-11-29"):
            made().check_current(late)


def test_it_is_for_the_gate_whose_parts_are_all_the_same():
    made().check_binding(BINDING)
    with pytest.raises(CertificateError, match=r"score_threshold: 0.5, here 0.6; a policy that names no thresholds"):
        made().check_binding(BINDING | {"score_threshold": 0.6})
    with pytest.raises(CertificateError, match=r"one with snapshot: s, here t$"):
        made().check_binding(BINDING | {"snapshot": "t"})
    with pytest.raises(CertificateError, match=r"snapshot: s, here t; score_threshold: 0.5, here 0.6$"):
        made().check_binding({"snapshot": "t", "score_threshold": 0.6})


def test_a_part_that_only_one_of_them_has_is_a_difference():
    with pytest.raises(CertificateError, match=r"side: None, here 512$"):
        made().check_binding(BINDING | {"side": 512})
    with pytest.raises(CertificateError, match=r"side: 512, here None$"):
        made(side=512).check_binding(BINDING)


def test_it_is_for_one_snapshot():
    made().check_snapshot("s")
    with pytest.raises(CertificateError, match="another snapshot than t"):
        made().check_snapshot("t")


@pytest.mark.parametrize("number", [1, 2])
def test_a_signed_file_of_a_format_that_was_ever_written_is_read(key, number):
    statement = {"format": number, "binding": BINDING, "expires": END.isoformat()}
    content = sign(statement, key)

    assert read_certificate(content, key.public_key()) == Certificate(bytes_digest(content), BINDING, END, statement)


@pytest.mark.parametrize("number", [0, 3, "1"])
def test_another_format_is_refused(key, number):
    with pytest.raises(CertificateError, match=f"of format {number}, this version reads 1, 2"):
        read_certificate(sign({"format": number, "binding": {}, "expires": END.isoformat()}, key), key.public_key())


def test_what_is_no_certificate_is_refused(key):
    with pytest.raises(CertificateError, match="there is no certificate"):
        read_certificate(None, key.public_key())
    with pytest.raises(CertificateError, match="signed, but it is no certificate"):
        read_certificate(sign({"format": 2}, key), key.public_key())


def test_it_lies_beside_its_snapshot(tmp_path):
    assert certificate_bytes(tmp_path) is None
    (tmp_path / CERTIFICATE).write_bytes(b"x")
    assert certificate_bytes(tmp_path) == b"x"
