import re
import unicodedata
from pathlib import Path

import pytest

from cxrgate.core import UsageError
from cxrgate.core.digest import bytes_digest
from cxrgate.images import ImageFile, list_folder
from cxrgate.run.names import NAME_BYTES, PATH_BYTES, release_names


def named(*names, output=Path("/out"), reserved=("manifest.json",)):
    found = release_names([ImageFile(Path(name), name) for name in names], output, reserved)
    return dict(zip(names, found, strict=True))


def keys(released):
    return {unicodedata.normalize("NFC", name).casefold() for name in released.values()}


def made_to_clash(name):
    return f"{name}.{bytes_digest(name.encode())[:8]}.png"


CLASHES = {
    "extensions": ["a/x.jpg", "a/x.png", "a/X.PNG", "b/y.dcm", "z"],
    "file and folder": ["x.jpg", "x.png/a.jpg", "x.png/b.jpg"],
    "Unicode forms": [unicodedata.normalize(form, "Aufnahme_\u00e4.png") for form in ("NFC", "NFD")],
    "a name made for a suffix": ["x.jpg", "x.png", made_to_clash("x.jpg"), made_to_clash("x.png")],
    "long names": ["a" * 251 + ".jpg", "a" * 252 + ".jp", "a" * 255],
    "long names that differ at their end": ["b" * 250 + "cccc1", "b" * 250 + "cccc2"],
    "long names of two bytes a letter": ["\u00e4" * 127, "\u00e4" * 126 + "a"],
    "the manifest's name": ["manifest.json/a.png", "manifest.json/b.png", "Manifest.JSON/c.png", "manifest.json"],
}


@pytest.mark.parametrize("names", CLASHES.values(), ids=CLASHES)
def test_names_are_distinct_on_every_file_system(names, tmp_path):
    released = named(*names)

    assert len(keys(released)) == len(names)
    folders = {parent for key in keys(released) for parent in map(str, Path(key).parents)}
    assert not folders & keys(released)
    assert not {"manifest.json"} & {name.split("/")[0].casefold() for name in released.values()}
    assert all(len(part.encode()) <= NAME_BYTES for name in released.values() for part in name.split("/"))
    for name in released.values():
        assert name.endswith(".png")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")


@pytest.mark.parametrize(
    "names",
    [
        ["a.png", "a\u00ad.png", "a\u200d.png", "\ufeffa.png", "A\ufe0f.png"],
        ["cls/1.png", "cls./1.png", "cls /1.png", "cls. ./1.png"],
        ["a.png", "a.png./1.jpg", "a.png /2.jpg"],
        ["x:y.png", "x?y.png", "x\ty.png", "x_y.png"],
        ["manifest.json./a.png", "manifest\u00ad.json/b.png"],
    ],
)
def test_names_that_are_one_on_windows_or_where_signs_are_ignored_are_distinct(names):
    released = named(*names)

    def there(name):
        plain = re.sub("[\u00ad\u200d\ufeff\ufe0f]", "", re.sub(r"[:?\t]", "_", name)).casefold()
        return "/".join(part.rstrip(". ") for part in plain.split("/"))

    kept = {there(name) for name in released.values()}
    folders = {parent for key in kept for parent in map(str, Path(key).parents)}
    assert len(kept) == len(names)
    assert not folders & (kept | {"manifest.json"})


@pytest.mark.parametrize("name", ["caf\u00e9 1 (2).png", "b./y.png", "x:y.png", "a\u200db.png", "..a/1.png"])
def test_a_name_that_is_alone_is_kept_whatever_signs_it_has(name):
    assert named(name, "other.png")[name] == name


def test_a_path_that_is_too_long_keeps_its_first_folder_and_its_name():
    deep = "/".join(["class", *["d" * 200] * 19, "x.jpg"])  # some 3,800 bytes
    short, long = Path("/out"), Path("/" + "o" * 250)

    assert named(deep, output=short)[deep] == deep.replace(".jpg", ".png")
    released = named(deep, "class/x.jpg", output=long)
    assert released["class/x.jpg"] == "class/x.png"
    assert released[deep].startswith("class/x.jpg.")
    assert len(str(long / released[deep])) < PATH_BYTES


def test_an_output_that_leaves_no_room_for_names_is_refused():
    with pytest.raises(UsageError, match="name a shorter output"):
        named("x.jpg", output=Path("/" + "/".join(["o" * 250] * 14)))


def test_a_name_that_clashes_with_none_is_kept():
    released = named("b/y.dcm", "z", "b/x.1.jpg")

    assert list(released.values()) == ["b/y.png", "z.png", "b/x.1.png"]


def test_a_name_depends_on_the_set_and_not_on_its_order():
    names = list(dict.fromkeys(name for part in CLASHES.values() for name in part))

    assert named(*names) == named(*reversed(names))


def test_images_of_one_id_have_no_two_names():
    with pytest.raises(UsageError, match=r"2 images are called 'a\.png'"):
        named("a.png", "b.png", "a.png")


def test_a_file_whose_name_is_no_utf_8_is_listed_under_a_name_that_can_be_written(tmp_path):
    Path(str(tmp_path).encode().decode() + "/caf\udce9.png").write_bytes(b"")

    (file,) = list_folder(tmp_path)

    assert file.image_id == "caf\\xe9.png"
    assert file.read().content == b""
    named(file.image_id)[file.image_id].encode()
