import io
import zipfile

import pytest

from cxrgate.core import UsageError
from cxrgate.images import SourceOptions, read_listing
from cxrgate.images.sources.table_text import read_text

DASH = "a \u2013 b"


def workbook():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return content.getvalue()


@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [
        (DASH, "utf-8", ""),
        (DASH, "utf-8-sig", ""),
        (DASH, "cp1252", "Windows-1252"),
        ("\x81é", "latin-1", "Latin-1"),
    ],
)
def test_a_table_is_read_in_the_encoding_that_has_its_characters(tmp_path, text, encoding, name):
    (tmp_path / "list.csv").write_bytes(text.encode(encoding))

    read, notes = read_text(tmp_path / "list.csv")

    assert read == text
    assert notes == ([f"list.csv: it is not UTF-8 and was read as {name}"] if name else [])


def test_an_image_with_a_dash_is_found_by_a_list_that_windows_saved(tmp_path):
    (tmp_path / f"{DASH}.png").write_bytes(b"x")
    (tmp_path / "list.csv").write_bytes(f"image\r\n{DASH}.png\r\n".encode("cp1252"))

    (file,) = read_listing(tmp_path / "list.csv", SourceOptions()).files

    assert file.path.is_file()


@pytest.mark.parametrize("name", ["list.xlsx", "list.XLS", "list.csv"])
@pytest.mark.parametrize("content", [workbook(), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)], ids=["new", "old"])
def test_a_workbook_is_refused_with_the_way_to_save_it(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UsageError, match=r"is an Excel workbook: save it as CSV UTF-8$"):
        read_listing(tmp_path / name, SourceOptions())
