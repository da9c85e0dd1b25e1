import asyncio

import numpy as np
import pytest
from support.fakes import images

from cxrgate.core import Descriptors, Failure, SnapshotError, Stage
from cxrgate.images.descriptors import weight_free
from cxrgate.index import Snapshot, opaque_id
from cxrgate.index.build import Enrolment, EnrolmentError, ModelDigests, build_snapshot, embed_images

KEY = b"k" * 32
MODELS = ModelDigests("retrieval", "verification")
IMAGES = images(6)


class Fake:
    """Embeds and featurises; `bad` are the image ids that it fails, `descriptors` or `features` of them."""

    def __init__(self, descriptors=(), features=()):
        self.bad = {"descriptors": descriptors, "features": features}

    async def embed(self, batch):
        return [self._answer("descriptors", image, _describe) for image in batch]

    async def features(self, batch, described):
        return [self._answer("features", image, lambda i: _describe(i).spaces["identity"] / 2) for image in batch]

    def _answer(self, what, image, make):
        if image.image_id in self.bad[what]:
            return Failure(image.image_id, Stage.EMBED, "INTERNAL", "NOT_FINITE", "expected finite numbers")
        return make(image)


def _describe(image):
    copy, layout = weight_free(image.pixels)
    return Descriptors(image.image_id, {"identity": np.full(4, image.pixels[0, 0], np.float32), "copy": copy}, layout)


def enrolments(found=IMAGES):
    return [Enrolment(image.image_id, f"patient {i // 2}", image) for i, image in enumerate(found)]


def build(folder, items, count=6, fake=None, size=4):
    async def batches():
        for start in range(0, len(items), size):
            yield items[start : start + size]

    fake = fake or Fake()
    return asyncio.run(build_snapshot(folder, batches(), count, fake, fake, MODELS, KEY, excluded=2))


def test_descriptors_of_another_image_are_not_enrolled():
    class Reversed(Fake):
        async def embed(self, batch):
            return (await super().embed(batch))[::-1]

    with pytest.raises(ValueError, match="another's"):
        asyncio.run(embed_images(IMAGES, Reversed(), Fake()))


def test_rows_stand_in_the_order_of_insertion(tmp_path):
    snapshot = build(tmp_path / "snapshot", enrolments())
    manifest = snapshot.manifest

    snapshot.verify()
    assert (manifest.references, manifest.patients, manifest.excluded) == (6, 3, 2)
    for row, image in enumerate(IMAGES):
        assert np.array_equal(snapshot.arrays["copy"][row], weight_free(image.pixels)[0])
        assert snapshot.reference_ids[row].tobytes() == opaque_id(KEY, "reference", image.image_id)
        assert snapshot.patient_keys[row].tobytes() == opaque_id(KEY, "patient", f"patient {row // 2}")
    assert np.linalg.norm(snapshot.mean_layout) == pytest.approx(1, abs=1e-6)


def test_batch_size_changes_no_byte(tmp_path):
    digests = {build(tmp_path / f"{size}", enrolments(), size=size).manifest.digest for size in (1, 4, 6)}

    assert len(digests) == 1


def test_another_order_is_another_snapshot(tmp_path):
    first = build(tmp_path / "a", enrolments()).manifest
    second = build(tmp_path / "b", enrolments(IMAGES[::-1])).manifest

    assert first.images != second.images
    assert first.digest != second.digest


@pytest.mark.parametrize(
    ("items", "count", "message"),
    [
        ([], 0, "no real image"),
        (enrolments()[:5], 6, "5 images came, where 6"),
        (enrolments(), 5, "more images came than the 5"),
        ([*enrolments()[:5], enrolments()[0]], 6, "same name"),
    ],
    ids=["none", "fewer", "more", "twice"],
)
def test_what_does_not_add_up_is_refused_and_leaves_nothing(tmp_path, items, count, message):
    with pytest.raises(SnapshotError, match=message):
        build(tmp_path / "snapshot", items, count)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fake", [Fake(descriptors=("image2",)), Fake(features=("image2",))], ids=["embed", "features"])
def test_an_image_that_a_model_fails_fails_the_build(tmp_path, fake):
    with pytest.raises(EnrolmentError, match="image2: NOT_FINITE"):
        build(tmp_path / "snapshot", enrolments(), fake=fake)
    assert list(tmp_path.iterdir()) == []


def test_every_undecoded_image_is_named(tmp_path):
    failures = [Failure(f"bad{i:02}", Stage.DECODE, "INVALID_ARGUMENT", "TRUNCATED", "cut") for i in range(25)]
    items = [Enrolment(failure.image_id, "p", failure) for failure in failures]

    with pytest.raises(EnrolmentError, match="bad19: TRUNCATED, cut\n  and 5 more") as caught:
        build(tmp_path / "snapshot", [*enrolments(), *items], 31)
    assert list(caught.value.failures) == failures


def test_a_snapshot_is_never_changed_in_place(tmp_path):
    before = build(tmp_path / "snapshot", enrolments()).manifest.digest

    with pytest.raises(SnapshotError, match="never changed in place"):
        build(tmp_path / "snapshot", enrolments(IMAGES[::-1]))
    assert Snapshot.open(tmp_path / "snapshot").manifest.digest == before


def test_what_a_killed_build_left_is_swept_away(tmp_path):
    (tmp_path / "snapshot.partial").mkdir()
    (tmp_path / "snapshot.partial/identity.npy").write_bytes(b"half")

    build(tmp_path / "snapshot", enrolments()).verify()
    assert [path.name for path in tmp_path.iterdir()] == ["snapshot"]
