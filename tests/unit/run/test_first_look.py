"""What of a set is looked at before anything is embedded, and what is said of it."""

import numpy as np
import pytest
from support.bad_images import dataset, dicom
from support.fakes import picture
from support.inline_decoder import InlineDecoder

from cxrgate.core.progress import silent
from cxrgate.gate.config import Enrol
from cxrgate.images import ImageFile
from cxrgate.images.codec.encode import encode_png
from cxrgate.index.build import EnrolmentError
from cxrgate.run import first_look
from cxrgate.run.first_look import look_at, look_at_real, look_at_synthetic


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Eight images, of which the sample of two has numbers 0 and 4."""
    monkeypatch.setattr(first_look, "SAMPLE", 2)
    made = [ImageFile(tmp_path / f"{number}.png", f"{number}.png") for number in range(8)]
    for number, file in enumerate(made):
        file.path.write_bytes(encode_png(picture(number)))
    return made


@pytest.mark.parametrize(("content", "reason"), [(None, "FILE_UNREADABLE"), (b"a text " * 99, "IMAGE_UNDECODABLE")])
def test_a_file_beside_the_sample_that_cannot_be_an_image_stops_the_enrolment(tmp_path, files, content, reason):
    files[3].path.unlink()
    if content is not None:
        files[3].path.write_bytes(content)
    settings = Enrol(images=tmp_path, key=tmp_path / "key", reference_map=tmp_path / "private/map.csv")

    with pytest.raises(EnrolmentError, match=rf"1 real image could(?s:.*)3\.png: {reason}(?s:.*)exclude: "):
        look_at_real(settings, files, InlineDecoder(), silent, lambda _: None)

    names = (tmp_path / "private/failed.txt").read_text().splitlines()
    assert [line.split("\t")[0] for line in names] == ["3.png"]


def test_where_every_file_may_be_an_image_the_sample_alone_is_decoded(files):
    looked = look_at(files, InlineDecoder(), silent, every=False, until_all=True)

    assert (looked.decoded, looked.failures) == (2, ())


def test_a_dicom_file_without_its_mark_is_no_file_of_no_kind(tmp_path, files):
    content = dicom(dataset())
    path = tmp_path / "3.dcm"
    path.write_bytes(content[132 + 12 + int.from_bytes(content[140:144], "little") :])
    files[3] = ImageFile(path, "3.dcm")

    looked = look_at(files, InlineDecoder(), silent, every=False, until_all=True)

    assert looked.kinds["of no known kind"] == 1
    assert looked.decoded == 2


def test_an_archive_is_counted_as_one_of_arrays_only_by_its_name(tmp_path):
    np.savez(tmp_path / "rows.npz", np.stack([picture(1)] * 2))
    (tmp_path / "images.zip").write_bytes((tmp_path / "rows.npz").read_bytes())
    (tmp_path / "1.png").write_bytes(encode_png(picture(1)))
    files = [ImageFile(tmp_path / name, name) for name in ("1.png", "images.zip", "rows.npz")]

    looked = look_at(files, InlineDecoder(), silent, every=True, until_all=False)

    assert looked.kinds == {"PNG": 1, "ZIP": 1, "NPZ": 1}


def test_three_names_are_told_for_each_reason_why_there_will_be_no_answer(files):
    said = []
    for file in files[1:6]:
        file.path.write_bytes(b"a text " * 99)
    files[7].path.unlink()

    look_at_synthetic(files, InlineDecoder(), silent, said.append)

    assert said[1].startswith("  no answer for 5 of these (1.png, 2.png, 3.png and 2 more): IMAGE_UNDECODABLE, ")
    assert said[2].startswith("  no answer for 1 of these (7.png): FILE_UNREADABLE, ")
