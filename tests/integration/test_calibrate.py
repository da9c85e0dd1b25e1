"""Calibration whole, on drawn pictures: record, certify, run under the certificate, withdraw, renew."""

import json
import shutil
from functools import partial

import pytest
from PIL import Image
from support.calibration_sets import NEW, POLICY, write_listing
from support.certified_gate import bound, signing_key
from support.fakes import picture
from support.image_sets import write_config, write_sets
from support.measured_references import CURVE
from typer.testing import CliRunner

from cxrgate.calibration.folder import verify_calibration
from cxrgate.certification import CERTIFICATE, read_public_key
from cxrgate.cli.main import app
from cxrgate.core.digest import bytes_digest
from cxrgate.core.standout import Standout
from cxrgate.gate.config import read_config
from cxrgate.index import Snapshot, opaque_id, read_key
from cxrgate.index.changes import Addition, change_snapshot
from cxrgate.index.manifest import ARRAYS
from cxrgate.models import read_manifest
from cxrgate.planted.generator import fit_generator
from cxrgate.run.run import run
from cxrgate.run_page.page import write_report

WITHOUT = "{images: real.csv, key: private/key, reference_map: private/references.csv, exclude: gone.txt}"
REQUIRED = {
    "certification": "required",
    "certification_key": "signing.pub",
    "policy": "{minimum_typicality: -1}",
}


def command(folder, *words, key="signing"):
    given = ["--data", folder / "listing.csv", "--key", folder / key]
    return CliRunner().invoke(app, [str(word) for word in (*words, *given)])


@pytest.fixture(autouse=True, scope="module")
def quick_generator():
    """Fitted for two steps: what it draws is like nothing, which is as good for a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cxrgate.planted.generator.fit_generator", partial(fit_generator, steps=2))
        yield


def calibrate(folder, output):
    terms = ["--policy", folder / "policy.yaml", "--output", folder / output]
    return command(folder, "calibrate", folder / "out.yaml", *terms)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibrate")
    bound(read_config(write_sets(folder)))
    write_listing(folder)
    (folder / "policy.yaml").write_text(POLICY)
    signing_key(folder)
    found = calibrate(folder, "calibration")
    assert found.exit_code == 0, found.output
    return folder


def required(folder, output, snapshot, **more):
    return read_config(write_config(folder, folder / output, 4, **REQUIRED, snapshot=snapshot, **more))


def test_every_enrolled_patient_is_asked_about_and_siblings_on_a_twin_index(folder):
    stated = verify_calibration(folder / "calibration", read_public_key(folder / "signing.pub")).statement
    measured = {(found["leak_class"], found["strength"]): found for found in stated["measured"]}

    assert [(found["patients"], found["misses"]) for found in stated["certified"]] == [(12, 0)]
    assert measured["same_patient", "another radiograph"]["patients"] == 12
    assert stated["twin_index"]["references_removed"] == 12
    assert stated["clean"]["patients"] + stated["clean"]["path_patients"] == NEW
    assert measured["generated", "noise 0.3"]["patients"] == 2
    assert len(measured) > 50


def test_thresholds_that_let_everything_pass_are_refused_without_the_word(folder):
    (folder / "weak.yaml").write_text(POLICY.replace("allow_laxer_thresholds: true", ""))
    words = ["--policy", folder / "weak.yaml", "--output", folder / "weak"]
    found = command(folder, "calibrate", folder / "out.yaml", *words)

    assert found.exit_code == 1
    assert "Not certified: laxer than the default rule: copy similarity threshold 1 instead of 0.9" in found.output
    assert not (folder / "weak" / CERTIFICATE).exists()


def page(folder, output):
    """The page of a run."""
    paths = (folder / output / name for name in ("results", "released"))
    write_report(*paths, folder / output / "report.html")
    return (folder / output / "report.html").read_text()


def test_a_run_under_the_certificate_releases_by_its_thresholds(folder):
    shutil.copy(folder / "calibration" / CERTIFICATE, folder / "snapshot")
    results = run(required(folder, "certified", "snapshot")).results.set_index("image_id")
    stated = json.loads((folder / "snapshot" / CERTIFICATE).read_text())["statement"]["binding"]
    manifest = json.loads((folder / "certified/released/manifest.json").read_text())
    assert manifest["certification"] == bytes_digest((folder / "snapshot" / CERTIFICATE).read_bytes())
    run_json = json.loads((folder / "certified/results/run.json").read_text())

    assert run_json["policy"]["score_threshold"] == stated["score_threshold"]
    assert "same-patient score threshold 1 instead of 0.5" in run_json["laxer"]
    assert "Laxer than the default rule" in page(folder, "certified")
    assert set(results.loc[[f"a/copy{number}.png" for number in range(4)], "decision"]) == {"NOT_ANONYMOUS"}


def test_certificate_is_kept_after_a_withdrawal_that_was_tested_anew(folder):
    gone = opaque_id(read_key(folder / "private/key"), "patient", "patient 3")
    change_snapshot(Snapshot.open(folder / "snapshot"), folder / "fewer", {gone})
    write_config(folder, folder / "fewer-out", 4, snapshot="fewer")
    words = ["--before", folder / "calibration", "--output", folder / "renewed"]
    found = command(folder, "certificate", "renew", folder / "fewer-out.yaml", *words)
    assert found.exit_code == 0, found.output
    shutil.copy(folder / "renewed" / CERTIFICATE, folder / "fewer")
    key = read_public_key(folder / "signing.pub")
    before, after = (verify_calibration(folder / name, key) for name in ("calibration", "renewed"))

    assert after.statement["renews"] == before.digest
    assert after.binding["score_threshold"] == before.binding["score_threshold"]
    assert after.statement["certified"][0]["patients"] == 11
    assert after.statement["clean"]["patients"] == before.statement["clean"]["patients"]
    (folder / "gone.txt").write_text("real/006.png\nreal/007.png\n")
    assert run(required(folder, "fewer-run", "fewer", enrol=WITHOUT)).checked == 34


def test_certificate_is_not_kept_when_references_were_added(folder):
    base = Snapshot.open(folder / "snapshot")
    rows = {name: base.arrays[name][:1].copy() for name in ARRAYS if name != "mean_layout"}
    rows["reference_ids"][:] = 1
    change_snapshot(base, folder / "more", set(), Addition(rows))
    write_config(folder, folder / "more-out", 4, snapshot="more")
    words = ["--before", folder / "calibration", "--output", folder / "not-renewed"]
    found = command(folder, "certificate", "renew", folder / "more-out.yaml", *words)

    assert found.exit_code == 2
    assert "1 references were added" in found.output
    assert not (folder / "not-renewed").exists()


def test_a_picture_under_two_patients_names_is_found_and_both_are_named(folder):
    write_listing(folder, ["real/twice.jpg", "another"])
    Image.fromarray(picture(7)).resize((70, 84)).save(folder / "real/twice.jpg", quality=60)
    found = calibrate(folder, "overlapping")
    write_listing(folder)

    assert found.exit_code == 2
    assert "real/007.png" in found.output
    assert "real/twice.jpg" in found.output
    assert not (folder / "overlapping").exists()


@pytest.fixture(scope="module")
def by_standout(tmp_path_factory):
    """A gate whose models ship a curve, so that the standout decides by default; calibrated as it is."""
    folder = tmp_path_factory.mktemp("standouts")
    write_sets(folder)
    kinds = {kind: read_manifest(folder / "models" / kind).digest for kind in ("retrieval", "verification")}
    shipped = {"models": kinds, "standout": Standout().to_json(), "copy_limit": 0.95, "curve": CURVE.to_json()}
    (folder / "models/false_flags.json").write_text(json.dumps(shipped))
    bound(read_config(write_config(folder, folder / "out", 4, policy="{minimum_typicality: -1}")))
    write_listing(folder)
    (folder / "policy.yaml").write_text(POLICY)
    signing_key(folder)
    found = calibrate(folder, "calibration")
    assert found.exit_code == 0, found.output
    return folder, found.output


def test_a_gate_that_decides_by_the_standout_is_certified_for_that(by_standout):
    folder, said = by_standout
    stated = verify_calibration(folder / "calibration", read_public_key(folder / "signing.pub")).statement

    assert stated["binding"]["score_threshold"] is None
    assert 0 < stated["binding"]["standout_threshold"] <= 1
    assert f"standout {stated['binding']['standout_threshold']:.4f}" in said
    assert stated["default_rule"]["standout_threshold"] == pytest.approx(0.5, abs=0.3)
    siblings = [found for found in stated["measured"] if found["leak_class"] == "same_patient"]
    assert [found["patients"] for found in siblings] == [12]


def test_a_run_under_it_decides_by_its_standout(by_standout):
    folder, _ = by_standout
    shutil.copy(folder / "calibration" / CERTIFICATE, folder / "snapshot")
    run(required(folder, "certified", "snapshot"))
    policy = json.loads((folder / "certified/results/run.json").read_text())["policy"]
    stated = json.loads((folder / "snapshot" / CERTIFICATE).read_text())["statement"]["binding"]

    assert policy["standout_threshold"] == stated["standout_threshold"]
    assert policy["score_threshold"] is None
