from cxrgate.images.sources.counted import counted, images


def test_one_of_a_kind_has_the_noun_of_one():
    assert (images(0), images(1), images(2)) == ("0 images", "1 image", "2 images")
    assert (counted(1, "image is", "images are"), counted(2, "image is", "images are")) == (
        "1 image is",
        "2 images are",
    )
