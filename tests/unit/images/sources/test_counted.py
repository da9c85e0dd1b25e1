from cxrgate.images.sources.counted import images


def test_one_of_a_kind_has_the_noun_of_one():
    assert (images(0), images(1), images(2)) == ("0 images", "1 image", "2 images")
