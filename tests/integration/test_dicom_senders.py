"""Whom a receiver lets in over TLS: real certificates over loopback, by role."""

import logging
import socket
import ssl

import pytest
from support.dicom_receiver import SUCCESS, Running, association, radiograph, store
from support.grpc_servers import AUTHORITY, IDENTITIES, ROLES
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.dicom.receiver import Tls
from cxrgate.dicom.senders import Senders
from cxrgate.rpc.development_ca import Authority, write_identity


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """The receiver's, two roles', and some that nobody knows."""
    folder = tmp_path_factory.mktemp("certificates")
    others = {
        "foreign": Authority.create().issue("spiffe://cxrgate/generator", ()),
        "stranger": AUTHORITY.issue("spiffe://elsewhere/CANARY", ()),
        "nameless": AUTHORITY.issue(None, ("localhost",)),
    }
    for name in ("receiver", "generator", "reviewer"):
        others[name] = IDENTITIES[name]
    for name, identity in others.items():
        write_identity(folder / name, identity)
    return folder


def by_tls(folder, name):
    """How to come with the certificate of `name`; None has none."""
    context = ssl.create_default_context(cafile=str(folder / "receiver" / "ca.crt"))
    if name is not None:
        context.load_cert_chain(folder / name / "tls.crt", folder / name / "tls.key")
    return {"tls_args": (context, "localhost")}


def test_with_tls_a_role_that_may_have_images_checked_comes_in(tmp_path, certificates):
    with Running(tmp_path, tls=Tls(certificates / "receiver", ROLES)).started() as running:
        with socket.create_connection(("127.0.0.1", running.port)):  # says nothing, and keeps nobody out
            assert store(running.port, radiograph(1)[0], **by_tls(certificates, "generator")) == [SUCCESS]
        with association(running.port) as opened:
            assert not opened.is_established


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("reviewer", {"code": "PERMISSION_DENIED", "reason": "ROLE", "identity": "spiffe://cxrgate/reviewer"}),
        ("stranger", {"code": "UNAUTHENTICATED", "reason": "IDENTITY", "identity": "unknown"}),
        ("nameless", {"code": "UNAUTHENTICATED", "reason": "IDENTITY", "identity": "unknown"}),
        ("foreign", None),
        (None, None),
    ],
)
def test_with_tls_no_other_certificate_comes_in(tmp_path, certificates, caplog, name, told):
    with (
        caplog.at_level(logging.DEBUG, "cxrgate"),
        Running(tmp_path, tls=Tls(certificates / "receiver", ROLES)).started() as running,
        association(running.port, **by_tls(certificates, name)) as opened,
    ):
        assert (opened.is_established, opened.is_rejected) == (False, told is not None)

    refused = [record.args for record in caplog.records if record.msg == "dicom.sender_refused"]
    assert refused == ([] if told is None else [told])


def test_a_certificate_that_cannot_be_looked_at_does_not_come_in(tmp_path, certificates, monkeypatch):
    def fail(*_):
        raise ValueError

    monkeypatch.setattr(Senders, "admit", fail)
    with (
        Running(tmp_path, tls=Tls(certificates / "receiver", ROLES)).started() as running,
        association(running.port, **by_tls(certificates, "generator")) as opened,
    ):
        assert opened.is_rejected


def test_tls_is_not_spoken_without_roles(tmp_path, certificates, monkeypatch):
    monkeypatch.setattr("cxrgate.cli.commands.dicom.log_to_stderr", lambda: None)
    places = ["--spool", tmp_path, "--released", tmp_path, "--log", tmp_path / "log", "--allow", "GENERATOR"]
    command = [
        "dicom",
        "receive",
        tmp_path / "none.yaml",
        *places,
        "--tls",
        "--certificates",
        certificates / "receiver",
    ]
    done = CliRunner().invoke(app, [str(part) for part in command])

    assert (done.exit_code, "--tls needs --certificates and --roles" in done.output) == (2, True)
