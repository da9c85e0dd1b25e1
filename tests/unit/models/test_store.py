import numpy as np
import pytest
from support.fakes import images, save_small_models

from cxrgate.core import ModelError
from cxrgate.models import Dtype
from cxrgate.models.cast import cast_model
from cxrgate.models.manifest import WEIGHTS, read_manifest
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.models.store import load_model


@pytest.mark.parametrize("dtype", [Dtype.BFLOAT16, Dtype.FLOAT16])
def test_cast_model_is_another_with_nearly_the_same_answers(tmp_path, dtype):
    old, _ = save_small_models(tmp_path)
    new = cast_model(tmp_path / "retrieval", tmp_path / "cast", dtype)

    assert (new.dtype, new.weights_sha256, new.provenance["cast_from"]) == (dtype, old.weights_sha256, old.digest)
    assert new.digest != old.digest
    pixels = [image.pixels for image in images(8)]
    before, after = (open_forward(tmp_path / name)(pixels) for name in ("retrieval", "cast"))
    assert 0 < np.abs(before - after).max() < 0.05 * np.abs(before).max()


def test_a_model_is_not_cast_over_itself(tmp_path):
    save_small_models(tmp_path)

    with pytest.raises(ModelError, match="another folder"):
        cast_model(tmp_path / "retrieval", tmp_path / "retrieval", Dtype.FLOAT16)
    load_model(tmp_path / "retrieval")


@pytest.mark.parametrize("load", [lambda folder, manifest: open_forward(folder, manifest=manifest), load_model])
def test_weights_that_are_exchanged_after_the_manifest_was_read_are_refused(tmp_path, load):
    save_small_models(tmp_path)
    folder = tmp_path / "retrieval"
    manifest = read_manifest(folder)
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[:-4] + bytes(4))

    with pytest.raises(ModelError, match="Get the model again"):
        load(folder, manifest)
