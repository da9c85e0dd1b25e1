"""Patients of the tune part are new to every model that a fitted one is made of, or nothing is decoded."""

from dataclasses import replace

import pytest

from cxrgate.core import UsageError
from cxrgate.models.manifest import read_manifest, write_manifest
from cxrgate.train import patient_hash
from cxrgate.train.refits.distil import distil
from cxrgate.train.refits.refit import refit
from cxrgate.train.refits.unseen import expect_unseen
from cxrgate.train.refits.verifier import make_verifier


@pytest.fixture
def trained_on(folder):
    """Let the model of a name have been trained on these images' patients, until the test ends."""
    before = {}

    def change(name, listed_images):
        manifest = before[name] = read_manifest(folder / name)
        patients = {"train": [patient_hash(listed_image.patient_id) for listed_image in listed_images]}
        write_manifest(folder / name, replace(manifest, provenance={**manifest.provenance, "patients": patients}))

    yield change
    for name, manifest in before.items():
        write_manifest(folder / name, manifest)


@pytest.fixture(scope="module")
def tune(job_of):
    return [item for item in job_of("retrieval", "none").listed_images if item.split == "tune"]


FITTING = {
    "refit": lambda job, _: refit(job),
    "distil": lambda job, folder: distil(job, [folder / "verification"]),
    "verifier": lambda job, _: make_verifier(job),
}


@pytest.mark.parametrize("command", FITTING)
def test_a_model_that_was_trained_on_patients_of_the_tune_part_is_refused_before_anything_is_decoded(
    folder, job_of, trained_on, tune, command
):
    trained_on("retrieval", tune[:3])
    job = replace(job_of("retrieval", f"no-{command}"), work=folder / "unused")

    with pytest.raises(
        UsageError, match=r"3 of the 41 patients of the tune part .* column split or by the same --seed"
    ):
        FITTING[command](job, folder)
    assert not (folder / "unused").exists()
    assert not job.folder.exists()


@pytest.mark.parametrize("teachers", [("verification",), ("retrieval", "verification")])
def test_so_is_any_teacher_that_was(folder, job_of, trained_on, tune, teachers):
    trained_on("verification", tune[:2])
    job = replace(job_of("retrieval", "untaught"), work=folder / "unused")

    with pytest.raises(UsageError, match="2 of the 41 patients"):
        distil(job, [folder / name for name in teachers])
    assert not (folder / "unused").exists()


def test_patients_of_the_training_part_may_be_known_and_a_model_may_name_none(folder, job_of, trained_on):
    listed_images = job_of("retrieval", "none").listed_images
    trained_on("retrieval", [item for item in listed_images if item.split == "train"])
    known = read_manifest(folder / "retrieval")

    expect_unseen(listed_images, [known, replace(known, provenance={})])
