"""The estimate takes each forward of a run once."""

import asyncio
from types import SimpleNamespace

import pytest
from support.fakes import images

from cxrgate.core.heads import CalibratedCosineHead
from cxrgate.models.verifier import IdentityVerifier
from cxrgate.run import dry_run
from cxrgate.serving.remote_models import RemoteVerifier


class Counted:
    """An embedder that says nothing of use, and how many images it was asked for."""

    asked = 0

    async def embed(self, some):
        self.asked += len(some)
        more = {"spaces": {"identity": None}, "layout": None, "keypoints": None}
        return [SimpleNamespace(image_id=image.image_id, **more) for image in some]


@pytest.mark.parametrize(
    ("verifier", "asked"),
    [
        (lambda embedder: IdentityVerifier(CalibratedCosineHead(1.0, 0.0), embedder), 4),
        (lambda _: RemoteVerifier(None), 8),
    ],
    ids=["of the retrieval model's embedding", "served"],
)
def test_a_forward_that_two_models_share_is_timed_once(verifier, asked):
    embedder = Counted()
    asyncio.run(dry_run._compute(images(4), embedder, verifier(embedder)))

    assert embedder.asked == asked
