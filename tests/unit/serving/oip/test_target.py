"""Addresses of servers of the Open Inference Protocol."""

import pytest

from cxrgate.core import UsageError
from cxrgate.serving.oip.target import OipTarget, read_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("oip://127.0.0.1:8001", OipTarget("127.0.0.1:8001", encrypted=False)),
        ("oips://triton.serving:8001", OipTarget("triton.serving:8001", encrypted=True)),
        ("127.0.0.1:7070", None),
    ],
)
def test_the_scheme_says_which_protocol_and_whether_it_is_encrypted(text, target):
    assert read_target(text) == target


@pytest.mark.parametrize("text", ["oip://", "oip://host", "oips://:8001", "oip://host:port", "http://host:8000"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageError):
        read_target(text)


@pytest.mark.parametrize("address", ["8.8.8.8:8001", "no.such.host.invalid:8001"])
def test_without_tls_only_private_addresses_are_asked(address):
    with pytest.raises(UsageError, match="oips://"):
        OipTarget(address, encrypted=False).open_channel(None)
