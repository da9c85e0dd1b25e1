"""The certificate of a run: signed by the right key, of that digest, current when the run ended, of its very policy."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from support.released_set import ReleaseSet

from cxrgate.certification import create_signing_key, read_public_key
from cxrgate.core.digest import bytes_digest
from cxrgate.verify_run.bindings import CertificateFile, changed_certification
from cxrgate.verify_run.records import read_records


@pytest.fixture
def made(tmp_path):
    return ReleaseSet(tmp_path).make()


def told(made, content=None, key=None):
    content = made.certificate.read_bytes() if content is None else content
    key = key or read_public_key(made.folder / "signing.pub")
    records, _ = read_records(made.output)
    return [violation.told for violation in changed_certification(records, CertificateFile(content, key))]


def rewrite_run(made, **changes):
    path = made.output / "results/run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_certificate_of_the_run_holds(made):
    assert told(made) == []


def test_another_certificate_is_none_of_this_run(made):
    assert any("has the digest" in each for each in told(made, made.certificate.read_bytes() + b" "))


def test_another_key_signed_nothing(made, tmp_path):
    other = read_public_key(create_signing_key(tmp_path / "other"))
    assert any("was changed after it was signed, or another key signed it" in each for each in told(made, key=other))


def test_a_certificate_that_was_over_when_the_run_ended_does_not_count(made):
    finished = (datetime.now(UTC) + timedelta(days=91)).isoformat()
    rewrite_run(made, timing={"finished": finished})
    assert any("expired on" in each for each in told(made))


def test_a_threshold_that_the_certificate_does_not_bind_is_named(made):
    run = json.loads((made.output / "results/run.json").read_text())
    rewrite_run(made, policy={**run["policy"], "score_threshold": 0.99})
    assert any(each.startswith("score_threshold: the certificate binds 0.5") for each in told(made))


@pytest.mark.parametrize("timing", [None, {}, {"finished": "yesterday"}])
def test_a_run_that_does_not_say_when_it_ended_is_under_no_certificate(made, timing):
    rewrite_run(made, timing=timing or {})
    assert [each.partition(", so that")[0] for each in told(made)] == [
        "results/run.json does not say when the run ended"
    ]


@pytest.mark.parametrize(
    "name", ["retrieval.weights", "verification.dtype", "retrieval.architecture", "cxrgate", "new"]
)
def test_a_part_that_is_other_than_in_the_certificate_or_in_it_alone_is_named(tmp_path, name):
    made = ReleaseSet(tmp_path).make(binding_changes={name: "another"})
    assert [each.partition(" binds ")[0] for each in told(made)] == [f"{name}: the certificate"]


@pytest.mark.parametrize(("name", "value"), [("match_threshold", 40), ("side", 512)])
def test_a_number_that_the_policy_alone_has_is_named(made, name, value):
    run = json.loads((made.output / "results/run.json").read_text())
    rewrite_run(made, policy={**run["policy"], name: value})
    assert told(made) == [f"{name}: the certificate binds None, the run had {value}"]


@pytest.mark.parametrize("changes", [{"models": {"retrieval": {}}}, {"cxrgate": None}])
def test_a_record_without_the_parts_of_the_gate_is_under_no_certificate(made, changes):
    rewrite_run(made, **changes)
    assert told(made) != []


def test_a_run_that_states_no_certificate_is_no_certified_one(made):
    rewrite_run(made, certification="uncertified")
    digest = bytes_digest(made.certificate.read_bytes())
    assert any(f"the certificate has the digest {digest}" in each for each in told(made))
