from collections import Counter

from cxrgate.images.sources.passed_over import PassedOver


def test_a_folder_that_is_left_out_whole_is_no_file():
    skipped = PassedOver(junk=Counter({".git": 1, "@eaDir": 2}))

    assert skipped.notes == ("3 folders were passed over with all that is in them: 1 .git/, 2 @eaDir/",)


def test_one_file_and_one_array_are_told_as_one():
    skipped = PassedOver(Counter({"*.csv": 1}), Counter({"y of 1 axis": 1}))

    assert skipped.notes == (
        "1 file that is no image by its name was passed over: 1 *.csv",
        "1 array that is no image by its shape was passed over: 1 y of 1 axis",
    )
