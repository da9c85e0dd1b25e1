import asyncio

import numpy as np
import pytest
from support import random_snapshots
from support.random_snapshots import RandomModels, descriptors, write_snapshot

from cxrgate.core import Descriptors
from cxrgate.images.descriptors import join_copies
from cxrgate.index import EngineName, PartName
from cxrgate.index.search import LocalSearcher

THRESHOLD = 0.8
"""Half the squared distance of weight-free parts counts (1 - 0.8) / (1 - 0.9) = 2 times."""


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class Joined(RandomModels):
    """Random models whose copy descriptors have a learned part before the weight-free one."""

    async def embed(self, images):
        self.learned = unit(self.rng.normal(size=(len(images), 8)))
        self.made = [descriptors(image.image_id, self.rng) for image in images]
        return [self.joined(item, row) for item, row in zip(self.made, self.learned, strict=True)]

    @staticmethod
    def joined(item, learned):
        copy = join_copies(learned, item.spaces["copy"], THRESHOLD)
        return Descriptors(item.image_id, {**item.spaces, "copy": copy}, item.layout)


@pytest.mark.parametrize("engine", EngineName)
def test_each_part_of_a_copy_descriptor_has_its_nearest_and_the_most_similar_counts(tmp_path, monkeypatch, engine):
    models = Joined(0)
    monkeypatch.setattr(random_snapshots, "RandomModels", lambda _: models)
    snapshot = write_snapshot(tmp_path / "snapshot")
    first, _, third = models.made[:3]
    query = models.joined(
        Descriptors("q", {**first.spaces, "copy": third.spaces["copy"]}, first.layout), models.learned[1]
    )

    (found,) = asyncio.run(LocalSearcher(snapshot, 1, engine).search([query]))

    assert found.reference_ids == tuple(row.tobytes().hex() for row in snapshot.reference_ids[:3])
    both = models.learned[0] @ models.learned[1], 1 - 2 * (1 - first.spaces["copy"] @ third.spaces["copy"])
    assert found.similarities["copy"] == pytest.approx([max(both), 1, 1], abs=1e-6)


@pytest.fixture(scope="module")
def matched(tmp_path_factory):
    return write_snapshot(tmp_path_factory.mktemp("matched") / "snapshot", keypoints=True)


def of_row(snapshot, row, keypoints):
    """A query whose nearest reference is `row`, and whose keypoints are those of another one, or none."""
    stored = snapshot.parts[PartName.KEYPOINTS].arrays["rows"]
    spaces = {name: np.array(snapshot.arrays[name][row]) for name in ("identity", "copy")}
    found = None if keypoints is None else np.array(stored[keypoints])
    return Descriptors("q", spaces, np.array(snapshot.mean_layout), keypoints=found)


def test_the_reference_with_the_most_matches_is_a_candidate_beyond_the_nearest(matched):
    (nearest,) = asyncio.run(LocalSearcher(matched, 10, EngineName.MATRIX).search([of_row(matched, 0, None)]))
    far = next(i for i, row in enumerate(matched.reference_ids) if row.tobytes().hex() == nearest.reference_ids[9])

    plain, with_them = (
        asyncio.run(LocalSearcher(matched, 1, EngineName.MATRIX).search([of_row(matched, 0, keypoints)]))[0]
        for keypoints in (None, far)
    )

    assert plain.matches is None
    assert len(plain.reference_ids) == 1
    assert with_them.reference_ids == (*plain.reference_ids, nearest.reference_ids[9])
    assert with_them.matches.tolist()[1] == 20 > with_them.matches[0]
    assert with_them.cohort == plain.cohort


def test_where_the_nearest_has_the_most_matches_candidates_are_what_they_were(matched):
    (found,) = asyncio.run(LocalSearcher(matched, 1, EngineName.MATRIX).search([of_row(matched, 0, 0)]))

    assert (len(found.reference_ids), found.matches.tolist()) == (1, [20])


def test_keypoints_asked_of_a_snapshot_without_any_are_an_error(tmp_path, matched):
    plain = write_snapshot(tmp_path / "plain")

    with pytest.raises(ValueError, match="keeps none"):
        asyncio.run(LocalSearcher(plain, 1, EngineName.MATRIX).search([of_row(matched, 0, 0)]))
