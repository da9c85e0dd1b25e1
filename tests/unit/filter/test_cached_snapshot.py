"""A set of references is enrolled once, whatever it is called and wherever it lies."""

import shutil

import pytest
from support.fakes import picture
from support.loaded_models import small_models

from cxrgate.core import UsageError
from cxrgate.filter.cached_snapshot import cache_folder, is_snapshot, open_or_enrol
from cxrgate.images.codec.encode import encode_png
from cxrgate.index import Snapshot
from cxrgate.index.build import EnrolmentError


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    with small_models(tmp_path_factory.mktemp("models")) as loaded:
        yield loaded


@pytest.fixture
def real(tmp_path):
    folder = tmp_path / "real"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.png").write_bytes(encode_png(picture(number)))
    return folder


@pytest.fixture
def opened(models, tmp_path):
    return lambda reference, **more: open_or_enrol(reference, models, cache=tmp_path / "cache", **more)


def test_a_folder_is_enrolled_once_and_found_again_where_it_was_moved(real, opened):
    first = opened(real)
    again = opened(real)
    moved = opened(real.rename(real.with_name("elsewhere")))

    assert (first.is_new, again.is_new, moved.is_new) == (True, False, False)
    assert first.snapshot == again.snapshot == moved.snapshot
    assert Snapshot.open(first.snapshot).manifest.references == 4


def test_other_content_under_the_same_names_is_another_snapshot(real, opened):
    first = opened(real)
    (real / "3.png").write_bytes(encode_png(picture(30)))
    changed = opened(real)

    assert changed.is_new
    assert changed.snapshot != first.snapshot


def test_other_patients_of_the_same_images_are_another_snapshot(real, opened):
    lists = []
    for name, owners in (("a.csv", "pppp"), ("b.csv", "ppqq")):
        rows = [f"{number}.png,{owner}" for number, owner in enumerate(owners)]
        (real / name).write_text("\n".join(["image,patient_id", *rows]))
        lists.append(opened(real / name))

    assert lists[0].snapshot != lists[1].snapshot
    assert [Snapshot.open(made.snapshot).manifest.patients for made in lists] == [1, 2]


def test_a_snapshot_is_taken_as_it_is_and_its_key_stays_its_owners(real, opened):
    made = opened(real)
    given = opened(made.snapshot)

    assert (given.snapshot, given.key, given.reference_map) == (made.snapshot, None, None)


def test_a_released_set_with_its_manifest_is_no_snapshot(real):
    (real / "manifest.json").write_text("{}")

    assert not is_snapshot(real)


def test_what_is_kept_is_for_its_owner_alone(real, opened, tmp_path):
    made = opened(real)
    folder = made.snapshot.parent
    tables = list((tmp_path / "cache" / "digests").iterdir())

    assert folder.stat().st_mode & 0o077 == 0
    assert {path.stat().st_mode & 0o077 for path in (made.key, made.reference_map, *tables)} == {0}
    assert len(tables) == 1


def test_files_are_read_again_only_where_they_changed(real, opened, monkeypatch):
    opened(real)
    read = []
    monkeypatch.setattr("cxrgate.filter.content.file_digest", lambda path: read.append(path.name) or "0" * 64)
    opened(real)
    (real / "2.png").write_bytes(encode_png(picture(20)))
    opened(real)

    assert read == ["2.png"]


def test_images_that_cannot_be_read_are_named_and_leave_no_snapshot(real, opened):
    (real / "cut.png").write_bytes(encode_png(picture(9))[:200])
    with pytest.raises(EnrolmentError, match=r"cut\.png"):
        opened(real)
    (real / "cut.png").unlink()

    assert opened(real).is_new


def test_no_such_place_is_said(opened, tmp_path):
    with pytest.raises(UsageError, match="nowhere"):
        opened(tmp_path / "nowhere")


def test_the_environment_names_another_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("CXRGATE_CACHE", str(tmp_path / "mine"))

    assert cache_folder() == tmp_path / "mine"


def test_a_cache_that_was_removed_is_made_again(real, opened, tmp_path):
    opened(real)
    shutil.rmtree(tmp_path / "cache")

    assert opened(real).is_new


def test_a_misspelt_key_of_the_listing_is_said(real, opened):
    with pytest.raises(UsageError, match="layuot"):
        opened(real, listing={"layuot": "folder"})


@pytest.mark.parametrize(
    "listing",
    [{"layout": "folder"}, {"exclude": "x.txt"}, {"columns": {"image": "name"}}, {"every_image_is_a_patient": True}],
)
def test_what_says_how_images_are_listed_is_refused_with_a_snapshot_which_is_taken_as_it_is(real, opened, listing):
    made = opened(real).snapshot

    with pytest.raises(UsageError, match=f"is a snapshot, which is taken as it is, and {next(iter(listing))}"):
        opened(made, listing=listing)
    assert opened(made, listing={"layout": None, "columns": {}}).snapshot == made
