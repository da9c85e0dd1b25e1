import pytest

from cxrgate.core import UsageError
from cxrgate.gate.config import read_config
from cxrgate.images import Layout
from cxrgate.run.enrol import list_synthetic
from cxrgate.run.found_sets import FoundSet
from cxrgate.run.starting_config import starting_config


def read(root, real, synthetic):
    (root / "config.yaml").write_text(starting_config(root, real, synthetic))
    return read_config(root / "config.yaml")


def test_what_is_written_can_be_read_and_says_the_defaults(tmp_path):
    real = FoundSet(tmp_path / "real set.csv", 7, has_patients=True, columns={"patient_id": "Subject: ID"})
    settings = read(tmp_path, real, FoundSet(tmp_path / "samples", 3))

    assert settings.synthetic == tmp_path / "samples"
    assert settings.enrol.images == tmp_path / "real set.csv"
    assert settings.enrol.columns == {"patient_id": "Subject: ID"}
    assert settings.models == "shipped"
    assert settings.enrol.key == tmp_path / "private/key"
    assert settings.policy.false_flags == 0.05


def test_a_data_set_brings_its_layout(tmp_path):
    settings = read(tmp_path, FoundSet(tmp_path, 7, Layout.NIH, has_patients=True), FoundSet(tmp_path / "007", 3))

    assert (settings.enrol.layout, settings.enrol.images) == (Layout.NIH, tmp_path)
    assert settings.synthetic == tmp_path / "007"


def test_what_was_not_found_has_to_be_filled_in(tmp_path):
    settings = read(tmp_path, None, None)

    assert settings.synthetic.name == settings.enrol.images.name == "FILL IN"
    with pytest.raises(UsageError, match="FILL IN"):
        list_synthetic(settings)
