"""Names that the operator leaves out."""

from pathlib import Path

import pytest

from cxrgate.core import UsageError
from cxrgate.images import ImageFile
from cxrgate.run.enrolment_list import read_excluded

FILES = [ImageFile(Path(f"{number}.png"), f"{number}.png") for number in range(4)]


def test_what_follows_a_tab_and_the_mark_of_a_text_file_are_no_part_of_a_name(tmp_path):
    (tmp_path / "gone.txt").write_bytes(b"\xef\xbb\xbf0.png\tTRUNCATED: x\r\n\r\n2.png\r\n")

    assert read_excluded(tmp_path / "gone.txt", FILES) == {"0.png", "2.png"}


def test_names_of_no_image_are_told_with_their_lines(tmp_path):
    (tmp_path / "gone.txt").write_text("0.png\ny.png\nx.png\tTRUNCATED: x\nw.png\nv.png\n")

    with pytest.raises(
        UsageError, match=r"4 names of no real image: y\.png \(line 2\), x\.png \(line 3\), w\.png .* 1 more"
    ):
        read_excluded(tmp_path / "gone.txt", FILES)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "there is no such file"), ("0.png\n".encode("utf-16"), "is UTF-16"), (b"\xff\n", "not text in UTF-8")],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(tmp_path, content, message):
    if content is not None:
        (tmp_path / "gone.txt").write_bytes(content)

    with pytest.raises(UsageError, match=rf"gone\.txt.*{message}") as caught:
        read_excluded(tmp_path / "gone.txt", FILES)
    assert not any(word in str(caught.value) for word in ("Errno", "codec"))
