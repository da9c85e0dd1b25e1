"""The parts of `make bench`, in the order in which they run: what each writes, and what it may take."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Part:
    """A module and its function of `long`, the seconds that its short form may take on two idle cores, and its keys."""

    module: str
    seconds: int
    keys: tuple[str, ...]
    function: str = "figures"

    def figures(self, *, long: bool) -> dict[str, Any]:
        """Measure."""
        return getattr(import_module(f"benchmarks.{self.module}"), self.function)(long=long)


PARTS = {
    "limits": Part("limits.measure", 10, ("limits",)),
    "filter": Part(
        "filter",
        500,
        (
            "end_to_end_over_bare_forward",
            "end_to_end_over_seed_procedure",
            "end_to_end_over_seed_procedure_bfloat16",
            "trust_overhead",
        ),
    ),
    "runtimes": Part("runtimes", 130, ("shipped_images_per_second_over_torch_eager",)),
    "pipeline": Part(
        "pipeline.figures",
        180,
        ("pipeline_ms_per_image_256", "pipeline_ms_per_image_1024", "pipeline_two_cores_over_one"),
    ),
    "images": Part("images.figures", 270, ("peak_memory_200k_over_2k_images",)),
    "search": Part(
        "search.figures",
        180,
        (*(f"search_over_faiss_flat_b{batch}" for batch in (1, 16, 256, 4096)), "search_ms_per_image_112k"),
    ),
    "references": Part("references.figures", 20, ("growth_over_references",)),
    "online": Part("online", 100, ("online_p50_over_forwards",)),
    "ray": Part("ray_nodes.figures", 220, ("ray_two_nodes_over_one", "ray_cost_on_one_node")),
    "torchserve": Part("services.figures", 60, ("torchserve_over_bare_forward",), "torchserve_figures"),
    "index": Part(
        "services.figures",
        25,
        ("find_neighbors_batch_1_over_in_process", "find_neighbors_batch_256_over_in_process"),
        "index_figures",
    ),
    "gate": Part("services.figures", 50, ("gate_overhead_p50_ms", "gate_overhead_p99_ms"), "gate_figures"),
}
"""By name. Of the 1,800 seconds in all, what is not given here is for starting each part."""
