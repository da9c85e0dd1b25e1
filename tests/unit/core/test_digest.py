"""Digests over rows that come one at a time."""

import pytest

from cxrgate.core.digest import mapping_digest, rows_digest


@pytest.mark.parametrize("rows", [[], [["a", 1, 2]], [["ä", -1, 10**19], ['"\\', 0, 0], ["", 2.5, None]]])
def test_rows_have_the_digest_of_the_whole_list(rows):
    assert rows_digest("files", iter(rows)) == mapping_digest({"files": rows})


def test_no_number_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        rows_digest("files", [[float("nan")]])
