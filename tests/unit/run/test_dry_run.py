"""The estimate takes each forward of a run once, and is given beside what was said."""

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


def test_what_was_found_is_given_as_numbers_and_sentences(monkeypatch):
    def prepare(config, services, progress, tell, *, every):
        tell("to check: 2 PNG")
        return SimpleNamespace(files=[1, 2], listed=SimpleNamespace(files=[1, 2, 3]), seconds=2.0)

    async def forward(*_, **__):
        return 1.0

    monkeypatch.setattr(dry_run, "prepare", prepare)
    monkeypatch.setattr(dry_run, "_forward", forward)
    said = []

    found = dry_run.dry_run(None, None, None, said.append)

    assert (found.to_enrol, found.to_check, found.seconds) == (3, 2, 10.0)
    assert list(found.told) == said
    assert said[0] == "to check: 2 PNG"
    assert "nothing keeps it from running" in said[1]
