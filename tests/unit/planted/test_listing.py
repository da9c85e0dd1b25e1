import pytest
from support.evaluation_listings import entries, entry, write_listing

from cxrgate.core import UsageError
from cxrgate.evaluate.groups import groups
from cxrgate.models import Dtype, EmbedderArchitecture, ModelKind, ModelManifest, Preprocessing
from cxrgate.planted.listing import hold_out, read_entries
from cxrgate.train import Split, patient_hash


def model(**patients):
    seen = {split: [patient_hash(name) for name in names] for split, names in patients.items()}
    shape = EmbedderArchitecture()
    return ModelManifest("m", ModelKind.RETRIEVAL, shape, Preprocessing(), Dtype.FLOAT32, "", None, {"patients": seen})


def test_everything_is_judged_where_the_listing_has_no_split():
    assert len(hold_out(entries(1, 2, 3), []).entries) == 6


def test_the_test_part_alone_is_judged_where_there_is_one():
    listed = [entry("a", "1", split=Split.TRAIN), entry("b", "2", split=Split.TUNE), entry("c", "3", split=Split.TEST)]

    assert [row.listed_image.patient_id for row in hold_out(listed, []).entries] == ["3"]


def test_patients_that_any_model_saw_are_left_out_and_counted():
    held_out = hold_out(entries(1, 2, 3, 1), [model(train=["nih:1"]), model(tune=["nih:2"], train=["nih:1"])])

    assert {image.patient_id for image in held_out.listed_images} == {"nih:0", "nih:3"}
    assert (held_out.images_left_out, held_out.patients_left_out) == (5, 2)


def test_nothing_left_is_an_error():
    with pytest.raises(UsageError, match="the 2 images"):
        hold_out(entries(2), [model(train=["nih:0"])])


def test_columns_beyond_the_first_three_may_be_missing(tmp_path):
    write_listing(tmp_path, [["a.png", "1", "nih"]], ("image", "patient_id", "source"))
    (row,) = read_entries(tmp_path)

    assert (row.listed_image.source, row.listed_image.split, row.view, row.follow_up) == ("nih", None, "", "")


def test_a_listing_without_sources_is_refused(tmp_path):
    write_listing(tmp_path, [["a.png", "1"]], ("image", "patient_id"))
    with pytest.raises(UsageError, match="source"):
        read_entries(tmp_path)


def test_adults_are_all_sources_but_the_childrens():
    assert groups(["nih", "kermany", "nih", "hannover"]) == {
        "all": ("nih", "kermany", "hannover"),
        "adults": ("nih", "hannover"),
        "nih": ("nih",),
        "kermany": ("kermany",),
        "hannover": ("hannover",),
    }


@pytest.mark.parametrize("name", ["all", "adults"])
def test_a_source_must_not_be_called_as_a_group(name):
    with pytest.raises(UsageError, match="names of groups"):
        groups(["nih", name])
