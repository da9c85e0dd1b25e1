"""Senders that say nothing more keep no known one out, whatever they said before: real sockets, and TLS or none."""

import ssl
import time

import pytest
from support.dicom_attacker import KINDS, association_request, come, is_closed
from support.dicom_receiver import SUCCESS, Running, association, radiograph, store
from support.grpc_servers import IDENTITIES, ROLES

from cxrgate.dicom import doorway, places
from cxrgate.dicom.receiver import Tls
from cxrgate.rpc.development_ca import write_identity

SILENT = 100
LOCKED_OUT_SECONDS = 10


@pytest.fixture(scope="module")
def request_pdu():
    return association_request()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("receiver", "generator"):
        write_identity(folder / name, IDENTITIES[name])
    return folder


@pytest.fixture
def tls(certificates):
    """The receiver's side and a sender's."""
    context = ssl.create_default_context(cafile=str(certificates / "receiver" / "ca.crt"))
    context.load_cert_chain(certificates / "generator" / "tls.crt", certificates / "generator" / "tls.key")
    return Tls(certificates / "receiver", ROLES), context


def stored_beside(running, held, **options):
    """Store one image while the others hold what they have; the seconds that it took."""
    begun = time.monotonic()
    try:
        assert store(running.port, radiograph(1)[0], **options) == [SUCCESS]
        return time.monotonic() - begun
    finally:
        for each in held:
            each.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_known_sender_comes_in_beside_silent_ones(tmp_path, request_pdu, kind):
    with Running(tmp_path).started() as running:
        held = [come(running.port, kind, request_pdu) for _ in range(SILENT if kind in KINDS[:2] else 12)]
        assert stored_beside(running, held) < LOCKED_OUT_SECONDS


@pytest.mark.parametrize("kind", ["half a handshake", *KINDS])
def test_with_tls_too(tmp_path, request_pdu, tls, kind):
    side, context = tls
    with Running(tmp_path, tls=side).started() as running:
        few = kind in KINDS[2:]
        held = [come(running.port, kind, request_pdu, context) for _ in range(12 if few else SILENT)]
        assert stored_beside(running, held, tls_args=(context, "localhost")) < LOCKED_OUT_SECONDS


def test_silent_associations_of_many_addresses_give_way(tmp_path, request_pdu):
    with Running(tmp_path).started() as running:
        held = [come(running.port, "an association", request_pdu, source=f"127.0.0.{10 + n}") for n in range(16)]
        assert stored_beside(running, held) < LOCKED_OUT_SECONDS


def test_an_association_at_work_is_not_ended_for_another(tmp_path, request_pdu, monkeypatch):
    monkeypatch.setattr(places, "ASSOCIATIONS", 2)
    with Running(tmp_path).started() as running, association(running.port) as working:
        held = [come(running.port, "an association", request_pdu, source="127.0.0.9")]
        time.sleep(1.5)  # the silent one has been so for long enough, and the other as long
        assert working.send_c_store(radiograph(1)[0]).Status == SUCCESS
        stored_beside(running, held)
        assert working.send_c_store(radiograph(2)[0]).Status == SUCCESS


@pytest.mark.parametrize("kind", KINDS[:2])
def test_an_unfinished_request_is_cut_off_in_time(tmp_path, request_pdu, monkeypatch, kind):
    for module in (places, doorway):
        monkeypatch.setattr(module, "REQUEST_SECONDS", 0.5)
    with Running(tmp_path).started() as running, come(running.port, kind, request_pdu) as opened:
        assert is_closed(opened, 5)


def test_an_unfinished_handshake_is_cut_off_in_time(tmp_path, request_pdu, monkeypatch, tls):
    for module in (places, doorway):
        monkeypatch.setattr(module, "REQUEST_SECONDS", 0.5)
    side, context = tls
    with Running(tmp_path, tls=side).started() as running:
        for kind in ("half a handshake", "nothing"):
            with come(running.port, kind, request_pdu, context) as opened:
                assert is_closed(opened, 5)


def trickle(opened):
    """Send bytes, one after another, for 10 s."""
    for _ in range(200):
        opened.sendall(b"\0")
        time.sleep(0.05)


@pytest.mark.parametrize("kind", ["half a request", "half a message"])
def test_who_sends_byte_by_byte_is_cut_off_too(tmp_path, request_pdu, monkeypatch, kind):
    for module in (places, doorway):
        monkeypatch.setattr(module, "REQUEST_SECONDS", 1.0)
    monkeypatch.setattr(places, "MESSAGE_SECONDS", 1.0)
    with (
        Running(tmp_path).started() as running,
        come(running.port, kind, request_pdu) as opened,
        pytest.raises(OSError, match=r"reset|pipe|abort"),
    ):
        trickle(opened)
