import pytest

from cxrgate.core.made_sequence import MadeSequence


class Squares(MadeSequence):
    def __len__(self):
        return 5

    def make(self, place):
        return place * place


def test_it_is_indexed_as_a_list_is():
    made = Squares()
    assert list(made) == [0, 1, 4, 9, 16]
    assert (made[0], made[-1]) == (0, 16)
    assert (made[1:3], made[::-2], made[9:]) == ([1, 4], [16, 4, 0], [])


@pytest.mark.parametrize("place", [5, -6])
def test_a_place_outside_is_an_index_error(place):
    with pytest.raises(IndexError):
        Squares()[place]
