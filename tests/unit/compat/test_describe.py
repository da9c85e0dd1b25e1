import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
from support.fakes import picture

from cxrgate.compat.describe import Described, describe, forget
from cxrgate.core import Failure, GreyImage, Stage
from cxrgate.images import ImageFile

SIZE = 16


class Model:
    """Mean and maximum of each picture; counts what it was given, and fails where picture `stop` is among it."""

    def __init__(self, digest="model", stop=None):
        self.manifest = SimpleNamespace(digest=digest)
        self.seen, self.stop = 0, stop

    def __call__(self, pixels):
        self.seen += len(pixels)
        if self.stop is not None and any(np.array_equal(image, picture(self.stop)) for image in pixels):
            raise MemoryError
        return np.array([[image.mean(), image.max()] for image in pixels], np.float32).reshape(len(pixels), 2)


class Decoder:
    """Decodes file number i to picture i, or to a failure where its name says so."""

    def __init__(self, workers):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    async def decode(self, records):
        await asyncio.sleep(0)
        return [
            Failure(record.image_id, Stage.DECODE, "INVALID_ARGUMENT", "BAD", "bad")
            if "bad" in record.image_id
            else GreyImage(record.image_id, picture(int(record.content)))
            for record in records
        ]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr("cxrgate.compat.describe.SandboxedDecoder", Decoder)
    made = []
    for number in range(3 * SIZE + 2):
        path = tmp_path / f"{number}.png"
        path.write_bytes(b"%d" % number)
        made.append(ImageFile(path, path.name))
    return made


def run(files, model, output):
    return describe(files, model, output, workers=1, progress=lambda _: None)


def rows(found):
    return np.array([item.row for item in found])


def test_each_file_has_its_own_row_in_order(files, tmp_path):
    found = run(files, Model(), tmp_path / "out")

    assert np.array_equal(rows(found), Model()([picture(number) for number in range(len(files))]))
    assert found[5].pixel_digest == GreyImage("5", picture(5)).digest


def test_stopped_step_goes_on_where_it_was(files, tmp_path):
    with pytest.raises(MemoryError):
        run(files, Model(stop=2 * SIZE), tmp_path / "out")
    model = Model()
    found = run(files, model, tmp_path / "out")

    assert model.seen == SIZE + 2
    assert np.array_equal(rows(found), rows(run(files, Model(), tmp_path / "another")))


@pytest.mark.parametrize("change", ["model", "file"])
def test_what_was_kept_of_another_model_or_file_is_not_used(files, tmp_path, change):
    run(files, Model(), tmp_path / "out")
    if change == "file":
        files[3].path.write_bytes(b"1003")
    model = Model("another" if change == "model" else "model")
    run(files, model, tmp_path / "out")

    assert model.seen == len(files)


def test_failure_costs_one_image_and_is_tried_again(files, tmp_path):
    bad = [*files[:4], ImageFile(files[4].path, "bad.png"), *files[5:SIZE]]
    first = run(bad, Model(), tmp_path / "out")
    model = Model()
    run(bad, model, tmp_path / "out")

    assert [isinstance(item, Described) for item in first] == [number != 4 for number in range(SIZE)]
    assert model.seen == SIZE - 1


def test_row_that_is_not_finite_is_a_failure(files, tmp_path):
    model = Model()
    model.__class__ = type("Broken", (Model,), {"__call__": lambda _, pixels: np.full((len(pixels), 2), np.nan)})
    (found,) = run(files[:1], model, tmp_path / "out")

    assert found.reason == "NONFINITE"


def test_forget_leaves_nothing(files, tmp_path):
    run(files[:1], Model(), tmp_path / "out")
    assert (tmp_path / "out.work").is_dir()
    forget(tmp_path / "out")

    assert not (tmp_path / "out.work").exists()
