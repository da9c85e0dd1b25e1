import json
from datetime import UTC, datetime, timedelta

import pytest
from support.certified_gate import LATER, certificate, signing_key
from support.random_snapshots import write_snapshot

from cxrgate.certification import CERTIFICATE
from cxrgate.stack.certified import MOUNTED, check_certificate, check_certification
from cxrgate.stack.findings import Level

USER = 10001


@pytest.fixture
def key(tmp_path):
    signing_key(tmp_path)
    return tmp_path / "signing.pub"


@pytest.fixture
def certified(tmp_path, key):
    """A store of one snapshot beside which whatever certificate lies."""
    snapshot = write_snapshot(tmp_path / "store" / "first")

    def write(digest=snapshot.manifest.digest, expires=LATER):
        content = certificate(tmp_path, {"snapshot": digest}, expires)
        (tmp_path / "store" / "first" / CERTIFICATE).write_bytes(content)

    return tmp_path / "store", write


@pytest.mark.parametrize(("days", "level"), [(13, Level.WARN), (15, Level.OK)])
def test_current_certificate_of_the_served_snapshot_is_enough_and_its_end_is_told(certified, key, days, level):
    store, write = certified
    write(expires=datetime.now(UTC) + timedelta(days=days, hours=1))
    found = check_certificate(store, key)

    assert (found.level, f"{days} days left" in found.text) == (level, True)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"digest": "0" * 64}, "the certificate is for another snapshot"),
        ({"expires": datetime.now(UTC) - timedelta(seconds=1)}, "expired on"),
    ],
)
def test_certificate_of_another_snapshot_or_one_that_is_over_is_told(certified, key, what, told):
    store, write = certified
    write(**what)
    found = check_certificate(store, key)

    assert (found.level, told in found.text) == (Level.FAIL, True)


def test_snapshot_without_a_certificate_and_a_changed_one_are_told(certified, key):
    store, write = certified
    missing = check_certificate(store, key)
    write()
    path = store / "first" / CERTIFICATE
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 2'))
    changed = check_certificate(store, key)

    assert (missing.level, changed.level) == (Level.FAIL, Level.FAIL)
    assert "calibrate first" in missing.text
    assert "was changed after it was signed" in changed.text


def test_key_that_is_none_or_that_containers_cannot_read_is_told(tmp_path, key):
    assert check_certification(key, None, USER).level is Level.OK
    key.chmod(0o600)
    assert "cannot read" in check_certification(key, None, USER).text
    assert "holds no Ed25519 public key" in check_certification(tmp_path / "signing", None, USER).text


@pytest.mark.parametrize(
    ("content", "level"),
    [
        ({"certification": "required", "certification_key": MOUNTED, "workers": 1}, Level.OK),
        ({"certification": "required", "certification_key": "site.pub"}, Level.FAIL),
        ({"certification": "none", "certification_key": MOUNTED}, Level.FAIL),
        ({"workers": 1}, Level.FAIL),
    ],
)
def test_configuration_of_ones_own_must_ask_for_the_certificate_too(tmp_path, key, content, level):
    config = tmp_path / "gate.yaml"
    config.write_text(json.dumps(content))

    assert check_certification(key, config, USER).level is level
