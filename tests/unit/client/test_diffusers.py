"""The hook with a real diffusers pipeline, tiny and untrained, in front of a gate that really decodes."""

import hashlib

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, DiTPipeline, DiTTransformer2DModel

from cxrgate.client import AcceptanceTooLow, Decision, Verdict, generate_until
from cxrgate.client.diffusers import PipelineImages
from cxrgate.core import ImageRecord
from cxrgate.images.codec.decode import decode

BATCH = 4


@pytest.fixture(scope="module")
def pipeline():
    torch.manual_seed(0)
    transformer = DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=4,
        out_channels=8,
        num_layers=1,
        sample_size=8,
        patch_size=2,
        num_embeds_ada_norm=2,
        norm_num_groups=4,
    )
    vae = AutoencoderKL(
        in_channels=1,
        out_channels=1,
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        latent_channels=4,
    )
    made = DiTPipeline(transformer.eval(), vae.eval(), DDIMScheduler())
    made.set_progress_bar_config(disable=True)
    return made


def samples(pipeline, seed=0, **more):
    """The hook over this pipeline, with two classes."""
    generator = torch.Generator().manual_seed(seed)
    common = {"num_inference_steps": 2, "guidance_scale": 1.0, "generator": generator, **more}
    return PipelineImages(
        pipeline,
        {label: {"class_labels": [place] * BATCH, **common} for place, label in enumerate(("normal", "effusion"))},
    )


class Decoding:
    """Decodes as the gate does, and lets the given share of the images pass."""

    def __init__(self, share):
        self.share, self.seen = share, []

    def check(self, content, image_id="image", *, return_image=False):
        pixels = decode(ImageRecord(image_id, content)).pixels
        self.seen.append(hashlib.sha256(pixels).hexdigest())
        passes = int(self.seen[-1], 16) % 100 < self.share
        return Verdict(image_id, Decision.ANONYMOUS if passes else Decision.NOT_ANONYMOUS, png=content)


def test_sampling_goes_on_until_each_class_has_its_images(pipeline):
    gate = Decoding(50)
    generated = generate_until(gate, {"normal": 9, "effusion": 5}, samples(pipeline))

    assert {label: len(found) for label, found in generated.images.items()} == {"normal": 9, "effusion": 5}
    assert sum(generated.rejected.values()) == len(gate.seen) - 14 > 0
    assert len(set(gate.seen)) == len(gate.seen)
    pixels = decode(ImageRecord("a", generated.images["normal"][0])).pixels
    assert (pixels.shape, pixels.dtype) == ((64, 64), np.uint8)


def test_same_seed_gives_the_same_released_images(pipeline):
    first, second = (generate_until(Decoding(50), {"normal": 6}, samples(pipeline, seed=3)) for _ in range(2))

    assert first.images == second.images


def test_sampling_stops_when_too_few_pass(pipeline):
    gate = Decoding(0)

    with pytest.raises(AcceptanceTooLow):
        generate_until(gate, {"normal": 6}, samples(pipeline), patience=10)
    assert len(gate.seen) == 10


def test_each_class_is_sampled_with_its_own_arguments(pipeline):
    normal, effusion = (samples(pipeline)(label) for label in ("normal", "effusion"))

    assert normal != effusion


def test_arrays_and_tuples_of_a_pipeline_hold_the_same_images(pipeline):
    plain = samples(pipeline)("normal")

    assert samples(pipeline, output_type="np")("normal") == plain
    assert samples(pipeline, return_dict=False)("normal") == plain


def test_a_pipeline_without_images_says_so():
    class Empty:
        images = ()

    with pytest.raises(ValueError, match="no image of class 'normal'"):
        PipelineImages(lambda **_: Empty, {"normal": {}})("normal")
