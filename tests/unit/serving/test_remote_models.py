"""What a served model's scores are taken for."""

import asyncio

import numpy as np
import pytest
from support.fakes import evidence, images

from cxrgate.core import Evidence, Failure
from cxrgate.serving.remote_models import RemoteVerifier


class Scores:
    """A served model that gives every image these."""

    def __init__(self, *values):
        self.values = np.array(values)

    async def scores(self, asked, features):
        return [self.values for _ in asked]


def verified(*scores):
    (image,) = images(1)
    (found,) = asyncio.run(
        RemoteVerifier(Scores(*scores)).verify([image], [evidence(image_id=image.image_id).candidates])
    )
    return found


def test_one_score_per_candidate_is_evidence():
    assert isinstance(verified(0.0, 0.5, 1.0), Evidence)


@pytest.mark.parametrize(
    "scores", [(0.1, 0.1), (0.1, np.nan, 0.1), (0.1, 1.1, 0.1), (-0.1, 0.1, 0.1), (0.1, np.inf, 0.1)]
)
def test_other_numbers_are_the_servers_fault_and_no_verdict_on_the_image(scores):
    found = verified(*scores)
    assert isinstance(found, Failure)
    assert (found.reason, found.is_host_fault) == ("ANSWER", True)
