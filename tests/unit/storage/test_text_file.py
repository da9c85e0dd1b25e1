import pytest

from cxrgate.core import UsageError
from cxrgate.storage.text_file import read_lines


def test_lines_have_their_numbers_and_empty_ones_are_passed_over(tmp_path):
    (tmp_path / "ids").write_bytes(b"\xef\xbb\xbf7\r\n\r\n  M\xc3\xbcller \r\n")

    assert read_lines(tmp_path / "ids", "patient ids") == [(1, "7"), (3, "Müller")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        ("7\n".encode("utf-16"), "is UTF-16"),
        (b"M\xfcller\n", "it is not text in UTF-8"),
        (b"7\0\n", "is binary"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(tmp_path, content, message):
    if content is not None:
        (tmp_path / "ids").write_bytes(content)

    with pytest.raises(UsageError, match=message) as caught:
        read_lines(tmp_path / "ids", "patient ids")

    assert str(caught.value).startswith(f"{tmp_path / 'ids'}")
    assert "a file of patient ids, one a line" in str(caught.value)
    assert not any(word in str(caught.value) for word in ("Errno", "codec"))


def test_a_folder_is_no_file_of_names(tmp_path):
    with pytest.raises(UsageError, match="it is a folder; name a file"):
        read_lines(tmp_path, "image names")
