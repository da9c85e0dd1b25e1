import sys

import pytest

from cxrgate.core import UsageError, shipped
from cxrgate.core.shipped import shipped_file, shipped_models


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """No checkout around cxrgate, and no installed models."""
    monkeypatch.setattr(shipped, "_CHECKOUT", tmp_path / "nothing")
    monkeypatch.setattr(shipped, "_INSTALLED", tmp_path / "nothing")
    monkeypatch.setattr(sys, "path", [place for place in sys.path if "model" not in place])
    monkeypatch.delitem(sys.modules, "cxrgate_models", raising=False)
    return tmp_path


def install(monkeypatch, root, models):
    (root / "cxrgate_models").mkdir(parents=True)
    (root / "cxrgate_models" / "__init__.py").touch()
    (models / "retrieval").mkdir(parents=True)
    monkeypatch.syspath_prepend(root)


def test_the_installed_models_come_before_the_checkouts(monkeypatch, tmp_path):
    folder = tmp_path / "site" / "cxrgate_models"
    install(monkeypatch, tmp_path / "site", folder)

    assert shipped_models() == folder


def test_models_that_are_installed_in_place_lie_above_their_package(elsewhere, monkeypatch):
    install(monkeypatch, elsewhere / "store", elsewhere / "store")

    assert shipped_models() == elsewhere / "store"


def test_a_checkout_has_models_roles_and_the_leak_policy():
    assert (shipped_models() / "copy" / "weights.safetensors").is_file()
    assert "spiffe://" in shipped_file("roles.yaml").read_text()
    assert shipped_file("leak_policy.yaml").is_file()


def test_what_is_not_there_is_said_with_the_cure(elsewhere):
    with pytest.raises(UsageError, match="pip install cxrgate-models"):
        shipped_models()
    with pytest.raises(UsageError, match=r"roles\.yaml is missing"):
        shipped_file("roles.yaml")
