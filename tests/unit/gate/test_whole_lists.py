"""No list of candidates that lost one counts as whole: the lost one may be what the image is a copy of."""

import asyncio
import dataclasses

import numpy as np
import pytest
from support.fakes import POLICY
from support.random_snapshots import descriptors, random_keypoints, write_snapshot

from cxrgate.core import Candidates, Failure
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.gate.whole_lists import whole_or_failure
from cxrgate.images.descriptors import COPY_THRESHOLD, join_copies
from cxrgate.index.engines.engine import EngineName
from cxrgate.index.search import LocalSearcher
from cxrgate.index.service.codec import from_neighbors, to_matrix, to_neighbors

MATCHED = {"match_threshold": 36, "match_method": "sift"}


def asked(keypoints, parts=1):
    rng = np.random.default_rng(7)
    query = descriptors("image", rng)
    if parts == 2:
        learned = rng.standard_normal(12).astype(np.float32)
        joined = join_copies(learned / np.linalg.norm(learned), query.spaces["copy"], COPY_THRESHOLD)
        query = dataclasses.replace(query, spaces={**query.spaces, "copy": joined})
    return dataclasses.replace(query, keypoints=random_keypoints(rng)) if keypoints else query


def lost(query, found, place):
    """What a gate reads where the index sends all but the neighbor at that place, each with its own features."""
    sent = to_neighbors(query, found, features=True)
    del sent.neighbors[place]
    sent.features.CopyFrom(to_matrix(np.delete(found.features, place, axis=0)))
    return from_neighbors(query, sent)


@pytest.mark.parametrize("keypoints", [False, True])
@pytest.mark.parametrize("searched", [COSINE_SPACES, ()])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("references", [2, 30])
def test_whichever_neighbor_is_lost_the_list_is_no_answer(tmp_path, references, k, searched, keypoints):
    snapshot = write_snapshot(tmp_path / "snapshot", count=references, keypoints=True)
    policy = dataclasses.replace(
        POLICY,
        candidates=k,
        references=references,
        copy_threshold=0.9 if searched else None,
        **(MATCHED if keypoints else {}),
    )
    query = asked(keypoints)
    (found,) = asyncio.run(LocalSearcher(snapshot, k, EngineName.MATRIX, searched).search([query]))

    assert whole_or_failure(policy, query, found) is found
    read = from_neighbors(query, to_neighbors(query, found, features=True))
    assert np.array_equal(read.nearest, found.nearest)
    assert whole_or_failure(policy, query, read) is read
    for place in range(len(found.reference_ids)):
        if len(found.reference_ids) > 1:
            left = whole_or_failure(policy, query, lost(query, found, place))
            assert isinstance(left, Failure)
            assert (left.reason, left.is_host_fault) == ("CANDIDATES", True)


def candidates(nearest):
    count = 4
    names = tuple(f"{number:032x}" for number in range(count))
    rows = {"copy": np.zeros(count)}
    return Candidates(
        "image", names, names, np.ones(count), rows, np.zeros((count, 2), np.float32), 0.5, nearest=nearest
    )


BOTH = np.array([[1, 1, 1, 0], [0, 1, 1, 1], [1, 1, 0, 1]], bool)


@pytest.mark.parametrize(
    "nearest",
    [None, BOTH[:2], BOTH & [True, True, True, False], np.vstack([BOTH, BOTH[:1]])],
    ids=["not said", "a part's list is not there", "one is lost", "a list that nobody asked for"],
)
def test_each_part_of_a_descriptor_has_a_list_of_its_own(nearest):
    query = asked(keypoints=False, parts=2)

    assert isinstance(whole_or_failure(POLICY, query, candidates(BOTH)), Candidates)
    assert isinstance(whole_or_failure(POLICY, query, candidates(nearest)), Failure)


def test_a_failure_stays_what_it_was():
    given = Failure("image", "search", "INTERNAL", "X", "x")

    assert whole_or_failure(POLICY, asked(keypoints=False), given) is given
