"""Which dtype a model computes in, where a configuration leaves it open."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from cxrgate.models.manifest import Dtype, ModelManifest


class DtypeChoice(StrEnum):
    """What a configuration may say that models compute in; `auto` is gate.dtypes.DtypeRule's matter."""

    AUTO = "auto"
    FLOAT32 = Dtype.FLOAT32.value
    BFLOAT16 = Dtype.BFLOAT16.value
    FLOAT16 = Dtype.FLOAT16.value


WIDEST_BAND = 0.05
"""What a band may cost where nobody asked for a dtype: numbers so near a threshold count against an image."""
_CPU = Path("/proc/cpuinfo")


def made_with(manifest: ModelManifest, digest: str) -> ModelManifest:
    """The manifest in the dtype that has this digest; as it is where none has."""
    found = (replace(manifest, dtype=dtype) for dtype in Dtype)
    return next((each for each in found if each.digest == digest), manifest)


def fastest(manifest: ModelManifest, device: str) -> ModelManifest:
    """The manifest in the 16-bit dtype that `device` is fast at and whose certified band is narrow; else as it is."""
    bands = {dtype: manifest.bands.get(dtype, 1.0) for dtype in fast_dtypes(device)}
    best = min(bands, key=lambda dtype: bands[dtype], default=None)
    if best is None or manifest.dtype is not Dtype.FLOAT32 or bands[best] > WIDEST_BAND:
        return manifest
    return replace(manifest, dtype=best)


def fast_dtypes(device: str) -> list[Dtype]:
    """Those of GPUs, of CPUs with AMX, and of AMD's with AVX512-BF16.

    AVX512-BF16 and AVX512-FP16 without AMX take half as long again as float32 (Sapphire Rapids, the shipped models).
    """
    if device != "cpu":
        return [Dtype.FLOAT16, Dtype.BFLOAT16]
    content = _CPU.read_text() if _CPU.is_file() else ""
    bfloat16 = "amx_bf16" in content or ("AuthenticAMD" in content and "avx512_bf16" in content)
    found = {Dtype.FLOAT16: "amx_fp16" in content, Dtype.BFLOAT16: bfloat16}
    return [dtype for dtype, fast in found.items() if fast]
