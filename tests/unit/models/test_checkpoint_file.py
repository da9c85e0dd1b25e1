"""Files that are no checkpoints, or need their code run: each recognised, none run, and told the cure."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from cxrgate.core import ModelError
from cxrgate.models.checkpoint_file import read_checkpoint_file

POINTER = b"""version https://git-lfs.github.com/spec/v1
oid sha256:343dd70700000000000000000000000000000000000000000000000000000000
size 137311079
"""
STATE = {"weight": torch.zeros(3)}


class Whole(nn.Module):
    """Somebody's network, pickled as it is."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)


def saved(path, content):
    torch.save(content, path)


FILES = {
    "Git LFS pointer": (lambda path: path.write_bytes(POINTER), "git lfs pull"),
    "page": (lambda path: path.write_bytes(b"\n<!DOCTYPE html><html>Sign in</html>"), "web page.*download"),
    "page without doctype": (lambda path: path.write_bytes(b"<HTML><body>404"), "web page"),
    "empty": (lambda path: path.write_bytes(b""), "no checkpoint"),
    "text": (lambda path: path.write_bytes(b"weights go here\n"), "checkpoint"),
    "whole model": (lambda path: saved(path, Whole()), r"whole pickled model.*Whole.*state_dict\(\)"),
    "whole model in a dictionary": (lambda path: saved(path, {"model": Whole(), "epoch": 1}), "whole pickled model"),
    "torch's own module": (lambda path: saved(path, nn.Linear(2, 2)), "whole pickled model"),
    "numpy scalar": (lambda path: saved(path, {"state_dict": STATE, "loss": np.float64(0.1)}), "numpy scalars.*alone"),
    "numpy integer": (lambda path: saved(path, {"state_dict": STATE, "epoch": np.int64(3)}), "numpy scalars"),
}


@pytest.mark.parametrize(("write", "message"), FILES.values(), ids=FILES)
def test_each_is_told_the_cure(tmp_path, write, message):
    path = tmp_path / "model.pth"
    write(path)

    with pytest.raises(ModelError, match=message) as caught:
        read_checkpoint_file(path)
    assert str(path) in str(caught.value)


def test_an_archive_of_torchscript_is_told_the_cure(tmp_path):
    path = tmp_path / "model.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated; its archives are there
        torch.jit.save(torch.jit.trace(nn.Linear(2, 2).eval(), torch.zeros(1, 2)), str(path))

    with pytest.raises(ModelError, match="TorchScript"):
        read_checkpoint_file(path)


def test_cut_short(tmp_path):
    path = tmp_path / "model.pth"
    saved(path, {"state_dict": {"weight": torch.zeros(1000)}})
    path.write_bytes(path.read_bytes()[:2000])

    with pytest.raises(ModelError, match="cut short"):
        read_checkpoint_file(path)


def test_no_file(tmp_path):
    with pytest.raises(ModelError, match="there is no checkpoint"):
        read_checkpoint_file(tmp_path / "model.pth")


def test_tensors_are_read(tmp_path):
    saved(tmp_path / "model.pth", STATE)

    assert torch.equal(read_checkpoint_file(tmp_path / "model.pth")["weight"], STATE["weight"])
