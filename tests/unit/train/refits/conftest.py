"""Finished models, and what is fitted to."""

import pytest
from support.finished_models import write_finished_models

from cxrgate.train import read_listed_images
from cxrgate.train.refits import finished
from cxrgate.train.refits.finished import RefitJob


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refits")
    write_finished_models(folder)
    return folder


@pytest.fixture(scope="module")
def job_of(folder):
    """Of the model of a name, whose result lies beside it."""
    listed_images = read_listed_images(folder / "listing.csv")

    def job(name, result, **changes):
        return RefitJob(changes.get("listed_images", listed_images), 1, folder / name, folder / "work", folder / result)

    return job


@pytest.fixture
def bands_measured_on(monkeypatch):
    """For each model whose bands were to be measured: its folder, and on how many images."""
    measured = []

    def certify(manifest, folder, pixels, _progress):
        measured.append((folder, len(pixels)))
        return manifest

    monkeypatch.setattr(finished, "certify_bands", certify)
    return measured
