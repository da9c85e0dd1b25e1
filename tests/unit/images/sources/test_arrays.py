"""Arrays as sources: which images they hold, under which names, and that each row's very values are read."""

import io
import os
import zipfile

import numpy as np
import pytest
from support.bad_images import SIDE, ramp

from cxrgate.core import ImageError, UsageError
from cxrgate.images import SourceOptions, read_listing
from cxrgate.images.codec.decode import decode
from cxrgate.images.sources import arrays
from cxrgate.images.sources.folder import list_folder

BATCH = np.stack([np.roll(ramp(), shift, 0) for shift in range(5)])
COLOUR = np.repeat(BATCH[..., None], 3, 3)


def read(files):
    return np.stack([decode(file.read()).pixels for file in files])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed], ids=["stored", "compressed"])
@pytest.mark.parametrize(
    "values", [BATCH, BATCH[..., None], COLOUR, np.moveaxis(COLOUR, 3, 1)], ids=["NHW", "NHW1", "NHW3", "N3HW"]
)
def test_each_row_is_an_image_with_a_stable_name(tmp_path, save, values):
    save(tmp_path / "samples.npz", values, np.arange(5))
    files = list_folder(tmp_path / "samples.npz")

    assert [file.image_id for file in files] == [f"samples.npz/arr_0/{number:06d}" for number in range(5)]
    assert np.array_equal(read(files), BATCH)
    assert np.array_equal(read(files[::-1]), BATCH[::-1])
    assert len({file.patient_id for file in files}) == 5
    assert {file.label for file in files} == {""}


def test_rows_in_a_folder_have_its_class(tmp_path):
    (tmp_path / "Cardiomegaly").mkdir()
    np.savez(tmp_path / "Cardiomegaly" / "a.npz", train=BATCH, labels=np.zeros((5, 14)), test=BATCH[:2])
    np.save(tmp_path / "Cardiomegaly" / "b.npy", BATCH[0])
    np.save(tmp_path / "many.npy", BATCH)
    files = list_folder(tmp_path)

    assert [file.image_id for file in files] == [
        *[f"Cardiomegaly/a.npz/train/{number:06d}" for number in range(5)],
        *[f"Cardiomegaly/a.npz/test/{number:06d}" for number in range(2)],
        "Cardiomegaly/b.npy",
        *[f"many.npy/{number:06d}" for number in range(5)],
    ]
    assert [file.label for file in files] == ["Cardiomegaly"] * 8 + [""] * 5
    assert np.array_equal(read(files), np.concatenate([BATCH, BATCH[:2], BATCH[:1], BATCH]))


def test_floats_keep_their_values(tmp_path):
    np.savez(tmp_path / "a.npz", (BATCH / 255).astype(np.float32))

    assert np.array_equal(
        np.load(io.BytesIO(list_folder(tmp_path)[3].read().content)), (BATCH[3] / 255).astype(np.float32)
    )


def test_one_picture_with_channels_first_is_one_image(tmp_path):
    np.save(tmp_path / "a.npy", np.moveaxis(COLOUR[0], 2, 0))

    assert np.array_equal(read(list_folder(tmp_path)), BATCH[:1])


def test_names_that_leave_the_folder_are_replaced(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, BATCH[:1])
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name in ("../../x.npy", "/etc/x.npy", "a/b.npy", "ok.npy"):
            archive.writestr(name, buffer.getvalue())

    names = [file.image_id for file in list_folder(tmp_path)]
    assert names == [f"a.npz/{name}/000000" for name in ("array_0", "array_1", "array_2", "ok")]


def broken(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    (file,) = list_folder(tmp_path)
    assert file.image_id == "a.npz"
    with pytest.raises(ImageError) as caught:
        decode(file.read())
    return caught.value.reason


def whole(**members):
    buffer = io.BytesIO()
    np.savez(buffer, **members)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04 no archive", whole(a=BATCH)[:-30], whole(labels=np.arange(9)), b"<html>"],
    ids=["none", "cut", "labels", "page"],
)
def test_what_is_no_archive_of_images_is_one_file_that_is_refused(tmp_path, content):
    assert broken(tmp_path, content) in {"IMAGE_UNDECODABLE", "TRUNCATED"}


def test_a_shape_that_lies_is_not_believed(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (10**12, SIDE, SIDE)}
    )
    (tmp_path / "a.npy").write_bytes(header.getvalue() + BATCH.tobytes())

    assert [file.image_id for file in list_folder(tmp_path)] == ["a.npy"]


def test_compressed_arrays_too_large_for_memory_name_the_cure(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "MAXIMUM_INFLATED", 1000)
    np.savez_compressed(tmp_path / "a.npz", BATCH)

    with pytest.raises(UsageError, match=r"np\.savez"):
        list_folder(tmp_path)


def test_rows_in_fortran_order_name_the_cure(tmp_path):
    np.savez(tmp_path / "a.npz", np.asfortranarray(BATCH))

    with pytest.raises(UsageError, match="ascontiguousarray"):
        list_folder(tmp_path)


def test_one_picture_in_fortran_order_is_refused_in_an_archive_and_read_from_a_file_of_its_own(tmp_path):
    picture = np.asfortranarray(BATCH[0][:, :80])
    np.save(tmp_path / "a.npy", picture)
    np.save(tmp_path / "b.npy", np.asfortranarray(COLOUR[0][:, :80]))
    for pixels in read(list_folder(tmp_path)):
        assert np.array_equal(pixels, picture)

    np.savez(tmp_path / "c.npz", picture)
    with pytest.raises(UsageError, match=r"c\.npz.*arr_0.*ascontiguousarray"):
        list_folder(tmp_path)


def saved(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def announced(*shape):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return header.getvalue()


def ragged():
    values = np.empty(2, object)
    values[:] = [BATCH[0], BATCH[1][:80]]
    return values


RECORDS = np.zeros(2, [("image", "u1", (SIDE, SIDE)), ("label", "i4")])
FILES = np.asarray([bytes([1]) * 5000] * 2)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "compressed"])
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (saved(ragged()), "objects"),
        (saved(np.asarray({"images": BATCH}, object)), "objects"),
        (saved(RECORDS), "records"),
        (saved(FILES), "long texts"),
        (saved(BATCH[:, None, None]), "5 axes"),
        (saved(BATCH)[:-1], "does not hold all values"),
        (announced(5, SIDE, SIDE), "does not hold all values"),
        (announced(-5, SIDE, SIDE), "does not hold all values"),
        (saved(np.arange(9))[:-1], "does not hold all values"),
    ],
    ids=["ragged", "dictionary", "records", "files", "5 axes", "cut", "header alone", "negative", "cut labels"],
)
def test_an_array_of_an_archive_that_is_neither_images_nor_labels_is_named(tmp_path, content, fault, compression):
    with zipfile.ZipFile(tmp_path / "train.npz", "w", compression) as archive:
        archive.writestr("good.npy", saved(BATCH))
        archive.writestr("odd.npy", content)

    with pytest.raises(UsageError, match=rf"train\.npz: the array 'odd\.npy' .*{fault}.*left out unseen"):
        list_folder(tmp_path)


@pytest.mark.parametrize("values", [ragged(), BATCH[:, None, None]], ids=["ragged", "5 axes"])
def test_what_cannot_be_read_in_a_file_of_its_own_is_an_image_that_is_refused(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    (file,) = list_folder(tmp_path)

    with pytest.raises(ImageError):
        decode(file.read())


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_two_members_of_one_name_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", saved(BATCH))
        archive.writestr("a.npy", saved(BATCH[1:]))

    with pytest.raises(UsageError, match=r"a\.npz has 2 members that are called 'a\.npy'"):
        list_folder(tmp_path)


def test_an_archive_with_a_member_without_a_name_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("name.npy", saved(BATCH))
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes().replace(b"name.npy", bytes(8)))

    with pytest.raises(UsageError, match="without a name"):
        list_folder(tmp_path)


def test_labels_beside_images_are_passed_over_and_told(tmp_path):
    for name in ("a.npz", "b.npz"):
        texts = np.asarray(["No Finding"])
        np.savez(tmp_path / name, BATCH, labels=np.zeros((5, 14)), cases=np.arange(5), split=np.asarray(1), texts=texts)
    listing = read_listing(tmp_path, SourceOptions())

    assert len(listing.files) == 10
    (note,) = listing.notes
    assert note == (
        "8 arrays that are no images by their shapes were passed over: 2 cases of 1 axis, 2 labels of 2 axes, "
        "2 split of 0 axes, 2 texts of 1 axis"
    )
    assert read_listing(tmp_path / "a.npz", SourceOptions()).notes[0].startswith("4 arrays")


def test_of_many_arrays_that_are_passed_over_a_few_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", BATCH, **{f"label{number:02d}": np.arange(5) for number in range(30)})
    (note,) = read_listing(tmp_path, SourceOptions()).notes

    assert note.startswith("30 arrays")
    assert note.endswith("1 label09 of 1 axis and 20 more")


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.npz")
    (file,) = list_folder(tmp_path)

    with pytest.raises(ImageError, match="regular"):
        file.read()
