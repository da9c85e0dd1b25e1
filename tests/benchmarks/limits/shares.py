"""How much of what the machine can do at most the measured speeds are, from the figures of out/bench.json.

All on one core. Search with one image at a time is held against reading its codes from memory; with 4,096 against
multiplying int8 (our codes) or float32 (FAISS's product); forwards against multiplying the dtype that they compute in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LARGE_BATCH = 4096
SPACE = "identity"
"""The one with the most numbers."""


def shares(figures: Mapping[str, Any]) -> dict[str, float]:
    """Shares by name; one whose parts were not measured is not there."""
    most = (figures.get("limits") or {}).get("one_core")
    if most is None:
        return {}
    return {**_of_codes(figures, most), **_of_faiss(figures, most), **_of_forwards(figures, most)}


def _of_codes(figures: Mapping[str, Any], most: Mapping[str, float]) -> dict[str, float]:
    """Of the most references that were measured in all spaces."""
    sizes = figures.get("growth_over_references", {}).get("all_spaces", {})
    if not sizes:
        return {}
    count = max(map(int, sizes))
    found = sizes[str(count)]["spaces"][SPACE]
    one, many = (found["milliseconds"][f"b{batch} k1"] / 1000 for batch in (1, LARGE_BATCH))
    operations = 2 * count * found["numbers"] * LARGE_BATCH
    shares = {f"search_b1_of_memory_at_{count}": found["code_bytes"] / one / 1e9 / most["read_gb_per_second"]}
    if most.get("int8_gops"):
        shares[f"search_b4096_of_int8_at_{count}"] = operations / many / 1e9 / most["int8_gops"]
    return shares


def _of_faiss(figures: Mapping[str, Any], most: Mapping[str, float]) -> dict[str, float]:
    sizes = figures.get("search", {}).get("milliseconds_of_cpu", {})
    at = f"b{LARGE_BATCH} k1"
    for count, spaces in sizes.items():
        if count.isdigit() and at in spaces.get(SPACE, {}).get("faiss_product", {}):
            seconds = spaces[SPACE]["faiss_product"][at][1] / 1000
            operations = 2 * int(count) * figures["search"]["dimensions"][SPACE] * LARGE_BATCH
            return {f"faiss_b4096_of_float32_at_{count}": operations / seconds / 1e9 / most["float32_gops"]}
    return {}


def _of_forwards(figures: Mapping[str, Any], most: Mapping[str, float]) -> dict[str, float]:
    """Of each model and dtype on OpenVINO; float16 has no instruction of its own on these CPUs, and no limit here."""
    found = {}
    for kind, runtimes in figures.get("forward_ms_per_image", {}).items():
        for dtype in ("float32", "bfloat16"):
            milliseconds, limit = runtimes.get(f"openvino {dtype}"), most.get(f"{dtype}_gops")
            if milliseconds and limit:
                operations = figures["forward_gop_per_image"][kind]
                found[f"forward_{kind}_of_{dtype}"] = operations / (milliseconds / 1000) / limit
    return found
