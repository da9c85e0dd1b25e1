"""What the steps share: how they are run, and the models that they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cxrgate.compat.config import PipelineConfig
from cxrgate.compat.describe import Progress
from cxrgate.compat.models import model_folder
from cxrgate.core import Failure
from cxrgate.core.allocator import keep_freed_memory
from cxrgate.models import ModelKind
from cxrgate.models.runtimes.forward import Forward, open_forward


@dataclass(frozen=True, slots=True)
class Options:
    """What changes speed and display, and no result.

    `progress` takes a step's name and its number of images, and gives what is called with the number of each
    finished batch.
    """

    device: str = "cpu"
    workers: int = 1
    progress: Callable[[str, int], Progress] = lambda _, __: lambda _: None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of a step's images or pairs have an answer, and why files have none."""

    answered: int
    images: int
    failures: tuple[Failure, ...]


def load(config: PipelineConfig, kind: ModelKind, options: Options) -> Forward:
    """One of the two models, ready to run; errors as model_folder and models.load_model."""
    keep_freed_memory()
    path = config.retrieval_model if kind is ModelKind.RETRIEVAL else config.verification_model
    return open_forward(model_folder(path, kind, config.home), options.device)
