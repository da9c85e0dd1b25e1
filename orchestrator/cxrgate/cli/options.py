"""Options that several commands have."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from cxrgate.core import CxrgateError, UsageError
from cxrgate.core.shipped import SHIPPED, shipped_models
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.images import Layout
from cxrgate.index.self_measurement import RATES

MODEL_STORE = Path("model_store")
MODEL_FOLDERS = ", ".join(("retrieval", "verification", *(space.name for space in COSINE_SPACES)))
"""The folders of a model store."""

Models = Annotated[
    Path | None,
    typer.Option(
        help=f"Folder of the model folders {MODEL_FOLDERS}; without it model_store where there is one "
        "here, and otherwise the shipped models."
    ),
]

DemoModels = Annotated[Path | None, typer.Option(help="Folder of models; without it those that know the drawings.")]

FalseFlags = Annotated[
    float | None,
    typer.Option(
        min=RATES[0],
        max=RATES[-1],
        help="Share of patients not enrolled that may be flagged, as 0.05 for 5 %, the default.",
    ),
]
LayoutOption = Annotated[
    Layout | None,
    typer.Option(
        "--layout",
        help="How to read the real images; without it a table is a list, and a folder the data set whose tables lie in "
        "it, which is said, or a plain folder.",
    ),
]
Exclude = Annotated[
    Path | None, typer.Option(help="File of names of real images to leave out, one a line; copies of them pass.")
]

StorageKey = Annotated[Path | None, typer.Option(help="Key that the snapshot is sealed with, made by `index key`.")]

CertificationKey = Annotated[
    Path | None,
    typer.Option(
        envvar="CXRGATE_CERTIFICATION_KEY",
        help="Public key that the configuration must ask for certificates by; no other configuration is served then.",
    ),
]
"""By which a deployment says that its gate may not be served without a certificate."""

Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Decode workers; without it as many as this machine's cores and memory are good for."),
]

Column = Annotated[
    list[str] | None,
    typer.Option(help="What a column is called in the table, as patient_id=subject_id; again for more."),
]


FloatRangeOption = Annotated[
    tuple[float, float] | None,
    typer.Option(metavar="BLACK WHITE", help="What floats of .npy and .npz arrays call black and white, such as -1 1."),
]


def _device_here(value: str) -> str:
    """The device, which this machine has: before lists are read and images looked at."""
    from cxrgate.models.devices import expect_device  # noqa: PLC0415 - loads what describes models

    try:
        expect_device(value)
    except CxrgateError as error:
        raise typer.BadParameter(str(error)) from error
    return value


Device = Annotated[
    str,
    typer.Option(
        callback=_device_here, help="Where the models compute: cpu, cuda for a GPU, or cuda:1 for the second one."
    ),
]


def rising(given: tuple[float, float] | None) -> tuple[float, float] | None:
    """What --float-range was given; UsageError unless white lies above black."""
    if given is not None and not -math.inf < given[0] < given[1] < math.inf:
        raise UsageError(f"--float-range takes black, then white above it, as -1 1, and not {given[0]:g} {given[1]:g}")
    return given


def models_folder(given: Path | None) -> Path:
    """The folder of models that a command was given; without one, or by the word `shipped`, the installed ones.

    Raises:
        UsageError: these are wanted, and not installed.
    """
    if given is None and (MODEL_STORE / "retrieval").is_dir():
        return MODEL_STORE
    return shipped_models() if given is None or str(given) == SHIPPED else given


def demo_models(given: Path | None) -> Path:
    """The models that the demo computes with; errors as models_folder."""
    return given or models_folder(None) / "demo"


def decode_workers(given: int | None, device: str) -> int:
    """How many processes decode: as `workers` in a configuration, where no number means `auto`."""
    from cxrgate.gate.workers import count_workers  # noqa: PLC0415 - loads what describes models

    return count_workers("auto" if given is None else given, device)


def columns_of(given: list[str] | None) -> dict[str, str]:
    """Per column of ours the name that it has in the table; UsageError for an option of another form."""
    pairs = [item.partition("=") for item in given or []]
    if wrong := [item for item, (column, _, name) in zip(given or [], pairs, strict=True) if not column or not name]:
        raise UsageError(f"--column is written as patient_id=subject_id, and {wrong[0]!r} is not")
    names: dict[str, str] = {}
    for column, name in ((column.strip(), name.strip()) for column, _, name in pairs):
        if names.setdefault(column, name) != name:
            raise UsageError(
                f"--column says that {column} is {names[column]} and that it is {name}: leave one of the two out"
            )
    return names
