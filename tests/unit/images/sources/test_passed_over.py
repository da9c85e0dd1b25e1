from collections import Counter

from cxrgate.images.sources.passed_over import PassedOver


def test_one_file_and_one_array_are_told_as_one():
    skipped = PassedOver(Counter({"*.csv": 1}), Counter({"y of 1 axis": 1}))

    assert skipped.notes == (
        "1 file that is no image by its name was passed over: 1 *.csv",
        "1 array that is no image by its shape was passed over: 1 y of 1 axis",
    )
