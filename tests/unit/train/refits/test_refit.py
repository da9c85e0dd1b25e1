"""A finished model is fitted anew to drawn pictures: its trunk stays, what follows it and its calibration change."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.fakes import picture

from cxrgate.core import ModelError, UsageError
from cxrgate.models.runtimes.pytorch import TorchForward
from cxrgate.models.store import load_model
from cxrgate.train import patient_hash
from cxrgate.train.refits.refit import refit


@pytest.fixture(scope="module")
def fitted(job_of):
    job, told = job_of("verification", "new"), []
    manifest = refit(job, lambda step, done, total: told.append((step, done, total)))
    return job, manifest, told


def state(folder):
    return load_model(folder).network.state_dict()


def test_the_trunk_and_the_projection_stay_and_what_follows_changes(folder, fitted):
    old, new = state(folder / "verification"), state(folder / "new")
    changed = {name.split(".")[0] for name in old if not torch.equal(old[name], new[name])}

    assert old.keys() == new.keys()
    assert {"whiten", "discriminate", "calibration"} == changed


def test_the_new_model_runs_and_has_another_digest(folder, fitted):
    job, manifest, _ = fitted
    model = load_model(job.folder)
    given = TorchForward(model)([picture(1), picture(2)])

    assert model.manifest.digest == manifest.digest != load_model(job.model).manifest.digest
    assert given.shape == (2, 12)
    assert np.linalg.norm(given, axis=1) == pytest.approx(1, abs=1e-5)


def test_the_manifest_says_what_it_was_fitted_to_and_keeps_the_patients_of_before(folder, fitted):
    job, manifest, _ = fitted
    provenance = manifest.provenance
    train = {
        patient_hash(listed_image.patient_id) for listed_image in job.listed_images if listed_image.split == "train"
    }

    assert provenance["refit"]["from"] == load_model(job.model).manifest.digest
    assert provenance["refit"]["images"] == {"train": 16, "tune": 42}
    assert provenance["seed"] == 9
    assert set(provenance["patients"]["train"]) == {*train, "1" * 16}
    assert len(provenance["patients"]["tune"]) == 41


def test_a_twentieth_of_the_unenrolled_tune_patients_at_most_scores_above_one_half(fitted):
    job, _, _ = fitted
    tune = [listed_image for listed_image in job.listed_images if listed_image.split == "tune"]
    forward = TorchForward(load_model(job.folder))
    embeddings = forward([picture(16 + number) for number in range(len(tune))])
    first = embeddings[:40]
    best = [forward.head.score(row, np.delete(first, place, 0)).max() for place, row in enumerate(first)]

    assert np.mean(np.array(best) > 0.5) <= 0.05 + 2 / 40


def test_every_image_is_counted_for_whoever_waits(fitted):
    looked = [done for step, done, _ in fitted[2] if step == "look at images"]

    assert sum(looked) == 16 + 42


def test_the_same_seed_gives_the_same_model(folder, fitted):
    job, manifest, _ = fitted

    assert refit(replace(job, folder=folder / "again")).digest == manifest.digest


def test_a_copy_model_is_refused_by_name(folder, fitted):
    with pytest.raises(ModelError, match="no embedder for retrieval or verification"):
        refit(replace(fitted[0], model=folder / "copy", folder=folder / "none"))


def test_too_few_patients_to_calibrate_on_are_told_before_anything_is_decoded(folder, fitted):
    job = fitted[0]
    few = [
        listed_image
        for listed_image in job.listed_images
        if listed_image.split == "train" or listed_image.source == "b"
    ]

    with pytest.raises(UsageError, match="calibration needs"):
        refit(replace(job, listed_images=few, folder=folder / "few", work=folder / "unused"))
    assert not (folder / "unused").exists()


def test_its_bands_are_measured_on_the_tune_part(folder, fitted, bands_measured_on):
    """A band that nobody measured may be narrower than the error: numbers near a threshold would pass."""
    refit(replace(fitted[0], folder=folder / "measured"))

    assert bands_measured_on == [(folder / "measured", 42)]
