from dataclasses import replace

import pytest
from support.fakes import SMALL

from cxrgate.models import Dtype, EmbedderArchitecture, ModelKind, ModelManifest, dtypes
from cxrgate.models.dtypes import WIDEST_BAND, fastest, made_with

PLAIN = ModelManifest("v", ModelKind.VERIFICATION, EmbedderArchitecture(), SMALL, Dtype.FLOAT32, "")
NARROW = replace(PLAIN, bands={Dtype.BFLOAT16: WIDEST_BAND})
WIDE = replace(PLAIN, bands={Dtype.BFLOAT16: WIDEST_BAND + 0.01, Dtype.FLOAT16: 0.001})
FAST, SLOW = "flags : avx512_bf16 amx_bf16", "vendor_id : GenuineIntel\nflags : avx512_bf16 avx512_fp16"
FASTEST = "flags : avx512_bf16 amx_bf16 amx_fp16"
ZEN = "vendor_id : AuthenticAMD\nflags : avx512_bf16"


@pytest.fixture
def cpu(tmp_path, monkeypatch):
    monkeypatch.setattr(dtypes, "_CPU", tmp_path / "cpuinfo")
    return tmp_path / "cpuinfo"


@pytest.mark.parametrize(
    ("manifest", "found", "device", "dtype"),
    [
        (NARROW, FAST, "cpu", Dtype.BFLOAT16),
        (NARROW, ZEN, "cpu", Dtype.BFLOAT16),
        (NARROW, SLOW, "cpu", Dtype.FLOAT32),
        (NARROW, SLOW, "cuda", Dtype.BFLOAT16),
        (WIDE, FAST, "cpu", Dtype.FLOAT32),
        (WIDE, FASTEST, "cpu", Dtype.FLOAT16),
        (WIDE, SLOW, "cuda", Dtype.FLOAT16),
        (PLAIN, FAST, "cuda", Dtype.FLOAT32),
        (replace(NARROW, dtype=Dtype.FLOAT16), FAST, "cpu", Dtype.FLOAT16),
    ],
)
def test_sixteen_bits_are_taken_where_they_are_fast_and_their_band_certified_and_narrow(
    cpu, manifest, found, device, dtype
):
    cpu.write_text(found)

    assert fastest(manifest, device) == replace(manifest, dtype=dtype)


def test_without_a_list_of_the_cpus_abilities_the_model_stays_as_it_is(cpu):
    assert fastest(NARROW, "cpu") is NARROW


def test_the_dtype_is_found_by_the_digest_that_it_gives():
    for dtype in Dtype:
        cast = replace(PLAIN, dtype=dtype)
        assert made_with(PLAIN, cast.digest) == cast
    assert made_with(PLAIN, "another") is PLAIN
