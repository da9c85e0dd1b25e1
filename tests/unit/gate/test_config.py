"""The range of floats that a configuration states, on its way to the decode function."""

import numpy as np
import pytest
import yaml
from support.bad_images import ramp

from cxrgate.core import UsageError
from cxrgate.core.shipped import shipped_models
from cxrgate.gate.config import Enrol, ModelFolders, read_config, read_rule
from cxrgate.images import read_listing
from cxrgate.images.codec.decode import decode
from cxrgate.run.enrol import list_synthetic


def config(folder, **more):
    names = {"synthetic": "a.npz", "output": "out", "snapshot": "snapshot", "models": "models"}
    (folder / "config.yaml").write_text(yaml.safe_dump({**names, **more}))
    return read_config(folder / "config.yaml")


def test_synthetic_floats_are_read_with_the_stated_range(tmp_path):
    np.savez(tmp_path / "a.npz", (np.stack([ramp()] * 2) / 127.5 - 1).astype(np.float32))
    files = list_synthetic(config(tmp_path, float_range=[-1, 1])).files

    assert [np.array_equal(decode(file.read()).pixels, ramp()) for file in files] == [True, True]


def test_real_floats_are_read_with_the_stated_range(tmp_path):
    np.save(tmp_path / "a.npy", ramp() / 255)
    enrol = Enrol(images=tmp_path, key="key", reference_map="map", float_range=(0, 1))
    (file,) = read_listing(tmp_path, enrol.options).files

    assert np.array_equal(decode(file.read()).pixels, ramp())


@pytest.mark.parametrize("limits", [[1, 1], [1, -1], [0, ".inf"], [0], "auto"])
def test_a_range_that_is_none_is_refused_when_it_is_read(tmp_path, limits):
    with pytest.raises(UsageError, match="float_range"):
        config(tmp_path, float_range=limits)


def test_the_models_are_the_shipped_ones_where_none_are_named(tmp_path):
    (tmp_path / "config.yaml").write_text("synthetic: a\noutput: out\nsnapshot: snapshot\n")
    settings = read_config(tmp_path / "config.yaml")

    assert settings.models == "shipped"
    assert settings.folders == ModelFolders.of(shipped_models())
    assert config(tmp_path, models="shipped").folders == settings.folders


def test_a_folder_that_is_named_like_the_word_can_be_given_by_its_path(tmp_path):
    assert config(tmp_path, models="./shipped").folders.retrieval == tmp_path / "shipped" / "retrieval"


def test_key_and_map_have_a_place_beside_the_configuration(tmp_path):
    settings = config(tmp_path, enrol={"images": "real"})

    assert settings.enrol.key == tmp_path / "private" / "key"
    assert settings.enrol.reference_map == tmp_path / "private" / "map.csv"
    assert "policy" not in settings.model_fields_set


def test_released_images_keep_their_size_unless_a_side_is_given(tmp_path):
    assert config(tmp_path).release.side is None
    assert config(tmp_path, release={"side": 512}).release.side == 512


@pytest.mark.parametrize("side", [255, 8193, "512px", [512, 512]])
def test_a_side_that_could_not_be_read_again_is_refused(tmp_path, side):
    with pytest.raises(UsageError, match=r"release\.side"):
        config(tmp_path, release={"side": side})


def test_a_rule_is_read_out_of_any_configuration_and_must_be_there(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("snapshot: s\npolicy: {match_threshold: auto}\n")
    assert read_rule(file).match_threshold == "auto"

    for text, wrong in (("polici: {}", "policy"), ("policy: {match_treshold: auto}", "match_threshold")):
        file.write_text(text)
        with pytest.raises(UsageError, match=wrong):
            read_rule(file)
