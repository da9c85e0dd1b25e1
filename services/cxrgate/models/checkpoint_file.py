"""Reading a checkpoint's file: what is none, or would need its code run, is recognised and told the cure."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from cxrgate.core import ModelError

_START = 1024
_LFS = b"version https://git-lfs.github.com/spec/"
_PAGES = (b"<!doctype html", b"<html", b"<?xml")
_GLOBAL = re.compile(r"GLOBAL ([A-Za-z_][\w.]*)")
_NUMPY = re.compile(r"numpy(\._?core)?\.(multiarray\.)?\w+|numpy\.dtypes?\.\w+")
_HARMFUL = re.compile(r"(builtins|__builtin__|os|posix|nt|_?io|subprocess|sys|runpy|importlib|shutil|socket)\.[\w.]+")


def read_checkpoint_file(path: Path) -> Any:
    """What the file holds, read with weights_only: no code of it runs.

    Raises:
        ModelError: no such file, or it is a Git LFS pointer, a web page, a whole pickled model, a TorchScript archive,
            holds numpy scalars, or is no checkpoint; with the cure.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_START)
    except FileNotFoundError as error:
        raise ModelError(f"there is no checkpoint at {path}") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    _refuse_other_files(path, start)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch remarks on archives that it then refuses
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(_needs_code(path, str(error))) from error
    except (RuntimeError, EOFError, OSError, zipfile.BadZipFile, ValueError, KeyError) as error:
        if "TorchScript" in str(error):
            message = f"{path} is a TorchScript archive: save torch.jit.load(path).state_dict() and import that"
            raise ModelError(message) from error
        raise ModelError(f"{path} is no checkpoint of PyTorch's, or is cut short: get the file again") from error


def _refuse_other_files(path: Path, start: bytes) -> None:
    if start.startswith(_LFS):
        raise ModelError(
            f"{path} is a Git LFS pointer and not the checkpoint: run `git lfs pull` in its repository, or download "
            "the file itself"
        )
    if start.lstrip().lower().startswith(_PAGES):
        raise ModelError(
            f"{path} is a web page and not the checkpoint: download the file itself (GitHub's `raw`, Hugging Face's "
            "`resolve/main` address), signed in where the page asks for it"
        )


def _needs_code(path: Path, reason: str) -> str:
    found = _GLOBAL.search(reason)
    name = found.group(1).rstrip(".") if found else ""
    if _NUMPY.fullmatch(name):
        return (
            f"{path} holds numpy scalars beside its tensors ({name}): where it comes from, save the tensors alone, "
            "torch.save(checkpoint['state_dict'], 'weights.pth'), and import that"
        )
    if name and not _HARMFUL.fullmatch(name):
        return (
            f"{path} holds a whole pickled model or other objects ({name}), which cannot be read without running its "
            "code: where it comes from, torch.save(model.state_dict(), 'weights.pth'), and import that"
        )
    return f"{path}: not a checkpoint that can be read without running its code"
