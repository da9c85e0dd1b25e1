from pathlib import Path

from cxrgate.images import ImageFile
from cxrgate.run.engines.batches import Batch, Batches

FILES = [ImageFile(Path(f"{number}.png"), f"{number}.png") for number in range(5)]
NAMES = [f"released-{number}.png" for number in range(5)]


def test_a_set_is_cut_into_batches():
    batches = Batches(FILES, NAMES, 2)

    assert list(batches) == [Batch(number, FILES[2 * number :][:2], NAMES[2 * number :][:2]) for number in range(3)]
    assert (len(batches), batches.images) == (3, 5)


def test_what_is_done_is_left_out():
    left = Batches(FILES, NAMES, 2).without({1})

    assert [batch.number for batch in left] == [batch.number for batch in left[0:2]] == [0, 2]
    assert (len(left), left.images, left[-1].files) == (2, 3, FILES[4:])
