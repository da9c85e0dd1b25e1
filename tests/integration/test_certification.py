"""A run that requires a certificate: nothing is released without one for this very gate, and the error says why."""

import asyncio
import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from support.certified_gate import LATER, bound, certificate, signing_key
from support.fakes import save_small_models
from support.grpc_servers import channel, serving
from support.image_sets import write_config, write_sets

from cxrgate.certification import CERTIFICATE, create_signing_key
from cxrgate.core import CallRefused, CertificateError, CxrgateError, UsageError
from cxrgate.core.digest import bytes_digest
from cxrgate.gate.binding import BINDING_KEYS, PolicyBinder
from cxrgate.gate.config import read_config
from cxrgate.gate.following import OVER, FollowingGate
from cxrgate.gate.local import local_models
from cxrgate.index.service.servicer import index_service
from cxrgate.index.service.state import IndexState
from cxrgate.index.store import SnapshotStore
from cxrgate.run.run import run

REQUIRED = {"certification": "required", "certification_key": "signing.pub"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Models, snapshot and images, with what a certificate would be bound to."""
    folder = tmp_path_factory.mktemp("certified")
    parts = bound(read_config(write_sets(folder)))
    signing_key(folder)
    return folder, parts


@pytest.fixture
def folder(made, tmp_path):
    """A copy with a valid certificate, to be spoilt."""
    source, parts = made
    shutil.copytree(source, tmp_path / "set")
    (tmp_path / "set/snapshot" / CERTIFICATE).write_bytes(certificate(tmp_path / "set", parts))
    return tmp_path / "set"


def attempt(folder, **more):
    return run(read_config(write_config(folder, folder / "out", 4, **{**REQUIRED, **more})))


def test_certified_run_names_its_certificate_in_every_output(folder):
    attempt(folder)

    digest = bytes_digest((folder / "snapshot" / CERTIFICATE).read_bytes())
    for name in ("released/manifest.json", "results/run.json"):
        assert json.loads((folder / "out" / name).read_text())["certification"] == digest


def test_what_was_checked_without_a_certificate_is_not_published_under_one(folder):
    attempt(folder, certification="none")
    before = (folder / "out/released/manifest.json").read_text()

    with pytest.raises(UsageError, match="which had another mode of certification, under which its images were"):
        attempt(folder)
    assert (folder / "out/released/manifest.json").read_text() == before


def test_certified_thresholds_are_in_force_where_the_configuration_names_none(folder, made):
    content = certificate(folder, {**made[1], "score_threshold": 0.3125, "copy_threshold": 0.8})
    (folder / "snapshot" / CERTIFICATE).write_bytes(content)
    attempt(folder, policy="{minimum_typicality: -1}")

    policy = json.loads((folder / "out/results/run.json").read_text())["policy"]
    assert (policy["score_threshold"], policy["copy_threshold"], policy["borderline"]) == (0.3125, 0.8, 0.3125)


def no_certificate(folder, parts):
    (folder / "snapshot" / CERTIFICATE).unlink()


def changed_certificate(folder, parts):
    path = folder / "snapshot" / CERTIFICATE
    path.write_bytes(path.read_bytes().replace(b'"candidates": 3', b'"candidates": 2'))


def foreign_key(folder, parts):
    (folder / "signing.pub").unlink()
    create_signing_key(folder / "other")
    (folder / "other.pub").rename(folder / "signing.pub")


def over(folder, parts):
    content = certificate(folder, parts, datetime.now(UTC) - timedelta(seconds=1))
    (folder / "snapshot" / CERTIFICATE).write_bytes(content)


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def changed_weights(folder, parts):
    flipped(folder / "models/verification/weights.safetensors")


def other_weights(folder, parts):
    """Weights that are as sound as the certified ones, and so is their manifest; the snapshot is none of theirs."""
    save_small_models(folder / "models", seed=1)


def changed_preprocessing(folder, parts):
    path = folder / "models/retrieval/model.json"
    path.write_text(path.read_text().replace('"height": 64', '"height": 65'))


def changed_snapshot(folder, parts):
    flipped(folder / "snapshot/features.npy")


def changed_manifest(folder, parts):
    path = folder / "snapshot/manifest.json"
    path.write_text(path.read_text().replace('"references": 24', '"references": 25'))


SPOILT = [
    (no_certificate, "there is no certificate"),
    (changed_certificate, CERTIFICATE),
    (foreign_key, "key"),
    (over, "expired on"),
    (changed_weights, "verification/weights"),
    (other_weights, "enrol again"),
    (changed_preprocessing, "retrieval: the manifest has the digest"),
    (changed_snapshot, "features"),
    (changed_manifest, "snapshot/manifest"),
]


@pytest.mark.parametrize(("spoil", "told"), SPOILT, ids=[spoil.__name__ for spoil, _ in SPOILT])
def test_nothing_is_released_and_the_error_names_what_changed(folder, made, spoil, told):
    spoil(folder, made[1])

    with pytest.raises(CxrgateError, match=told):
        attempt(folder)
    assert not (folder / "out").exists()


def test_every_certified_part_that_differs_is_named(folder, made):
    policy = json.dumps({"borderline": 0.9, **{name: made[1][name] for name in BINDING_KEYS if name in made[1]}})
    (folder / "snapshot" / CERTIFICATE).write_bytes(certificate(folder, dict.fromkeys(made[1], "another")))

    with pytest.raises(CertificateError) as error:
        attempt(folder, policy=policy)
    assert [name for name in made[1] if f"{name}: another, here" not in str(error.value)] == []


@pytest.mark.parametrize("policy", ["{score_threshold: 0.75, minimum_typicality: -1}", "{candidates: 4}"])
def test_rule_that_was_not_certified_is_refused(folder, policy):
    with pytest.raises(CertificateError, match="for another gate"):
        attempt(folder, policy=policy)


def test_thresholds_of_ones_own_are_said_to_be_the_certificates_to_name(folder):
    with pytest.raises(CertificateError, match=r"score_threshold: .* a policy that names no thresholds takes these"):
        attempt(folder, policy="{score_threshold: 0.75}")


def test_key_must_be_named(folder):
    with pytest.raises(UsageError, match="certification_key"):
        read_config(write_config(folder, folder / "out", 4, certification="required"))


def test_a_gate_that_follows_the_index_takes_up_a_certificate_when_its_snapshot_is_activated(folder, made):
    (folder / "store").mkdir()
    (folder / "snapshot").rename(folder / "store/first")
    valid = (folder / "store/first" / CERTIFICATE).read_bytes()
    (folder / "store/first" / CERTIFICATE).unlink()
    config = read_config(write_config(folder, folder / "out", 4, **REQUIRED))

    async def go(models):
        state = IndexState(SnapshotStore(folder / "store"), config.engine)
        async with serving(index_service(state), identity="index") as (_, address), channel(address, "gate") as opened:
            gates = FollowingGate(opened, PolicyBinder.of(config, models), Undecoded())
            ready, until = [await gates.refresh()], [gates.certified_until()]
            with pytest.raises(CallRefused, match="no index"):
                gates.current()
            (folder / "store/first" / CERTIFICATE).write_bytes(valid)
            await state.activate(made[1]["snapshot"])
            ready.append(await gates.refresh())
            free = FollowingGate(
                opened, PolicyBinder.of(config.model_copy(update={"certification": "none"}), models), None
            )
            until += [gates.certified_until(), free.certified_until()]
            return ready, gates.current().certification, until

    with local_models(config.folders, config.device) as models:
        assert asyncio.run(go(models)) == ([False, True], bytes_digest(valid), [OVER, LATER, None])


class Undecoded:
    async def decode(self, records):
        raise AssertionError("expected no image")
