from cxrgate.core.counted import counted


def test_numbers_have_their_noun_and_a_mark_between_thousands():
    assert [counted(count, "patient") for count in (0, 1, 2, 1234)] == [
        "0 patients",
        "1 patient",
        "2 patients",
        "1,234 patients",
    ]
    assert (counted(1, "image is", "images are"), counted(2, "image is", "images are")) == (
        "1 image is",
        "2 images are",
    )
