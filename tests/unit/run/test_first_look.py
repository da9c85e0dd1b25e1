import numpy as np
import pytest
from support.fakes import picture

from cxrgate.images import ImageFile
from cxrgate.images.codec.encode import encode_png
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.run.first_look import look_at


@pytest.fixture
def decoder():
    with SandboxedDecoder(1) as decoder:
        yield decoder


def test_an_archive_is_counted_as_one_of_arrays_only_by_its_name(tmp_path, decoder):
    np.savez(tmp_path / "rows.npz", np.stack([picture(1)] * 2))
    (tmp_path / "images.zip").write_bytes((tmp_path / "rows.npz").read_bytes())
    (tmp_path / "1.png").write_bytes(encode_png(picture(1)))
    files = [ImageFile(tmp_path / name, name) for name in ("1.png", "images.zip", "rows.npz")]

    looked = look_at(files, decoder, lambda *_: None, every=True, until_all=False)

    assert looked.kinds == {"PNG": 1, "ZIP": 1, "NPZ": 1}
