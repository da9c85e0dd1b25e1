"""lookup_table.pth: a dictionary from a real image's path to its embedding, as anonymization-pipeline writes it."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.compat.private import private_file
from cxrgate.core import UsageError
from cxrgate.models.torch_extra import expect_torch

Table = dict[str, NDArray[np.float32]]

# All that a table's pickle may name, numpy 1 and 2 alike; torch.load refuses every other global before it runs.
_RECONSTRUCT = np.zeros(0).__reduce__()[0]
_ALLOWED: list[Any] = [
    (_RECONSTRUCT, "numpy.core.multiarray._reconstruct"),
    (_RECONSTRUCT, "numpy._core.multiarray._reconstruct"),
    np.ndarray,
    np.dtype,
    np.dtypes.Float32DType,
]
_NUMPY_2 = b"cnumpy._core.multiarray\n"
_NUMPY_1 = b"cnumpy.core.multiarray\n"


def write_lookup_table(path: Path, table: Mapping[str, NDArray[np.float32]]) -> None:
    """Write float32[d] per path, mode 0600, so that torch 2.2 with numpy 1.24 reads it, as that project does.

    Raises:
        UsageError: a path with a line break.
    """
    if any("\n" in name or "\r" in name for name in table):
        raise UsageError("the path of a real image holds a line break: rename the file")
    # Protocol 2, as torch.save: a global is a line of text there. numpy 1 knows no numpy._core.
    content = pickle.dumps(dict(table), protocol=2).replace(_NUMPY_2, _NUMPY_1, 1)
    with private_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        # ZipInfo has a fixed date: equal tables are equal files.
        archive.writestr(zipfile.ZipInfo("lookup_table/data.pkl"), content)
        archive.writestr(zipfile.ZipInfo("lookup_table/version"), b"3\n")


def read_lookup_table(path: Path) -> Table:
    """Read a table of ours or of anonymization-pipeline's, in its order. Nothing in it can run.

    Raises:
        ModelError: PyTorch is not installed.
        UsageError: no such file, a pickle that names more than numpy's float32 arrays, or not a table.
    """
    expect_torch("a lookup table")
    import torch  # noqa: PLC0415

    try:
        with torch.serialization.safe_globals(_ALLOWED):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UsageError(f"there is no lookup table at {path}: run `cxrgate embed` first") from error
    except Exception as error:  # a damaged pickle raises nearly everything
        raise UsageError(f"{path}: not a lookup table that can be read without running its code") from error
    if not isinstance(content, dict) or not content or not all(map(_is_entry, content.items())):
        raise UsageError(f"{path} is no lookup table: it must map paths to finite float32 vectors. Run `cxrgate embed`")
    if len({len(row) for row in content.values()}) != 1:
        raise UsageError(f"{path} holds vectors of several lengths: run `cxrgate embed` again")
    return content


def _is_entry(item: tuple[object, object]) -> bool:
    name, row = item
    vector = isinstance(row, np.ndarray) and row.dtype == np.float32 and row.ndim == 1 and row.size > 0
    return isinstance(name, str) and vector and bool(np.isfinite(np.asarray(row, np.float32)).all())
