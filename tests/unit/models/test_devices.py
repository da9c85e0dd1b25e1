"""Which devices there are, and that each is looked for before anything is computed."""

import pytest
import torch

from cxrgate.core import ModelError, UsageError
from cxrgate.models import devices
from cxrgate.models.devices import device_name, expect_device


def with_gpus(monkeypatch, count):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:0", "cuda:7"])
def test_names_of_devices_are_left_as_they_are(name):
    assert device_name(name) == name


@pytest.mark.parametrize("name", ["gpu", "CPU", "cuda:", "cuda:x", "cuda:-1", "cuda:\u0661", "mps", "", "cpu\n"])
def test_another_word_is_refused_with_those_that_there_are(name):
    with pytest.raises(ValueError, match="expected cpu, cuda for a GPU, or cuda:1"):
        device_name(name)
    with pytest.raises(UsageError, match="device: expected cpu"):
        expect_device(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_a_gpu_where_there_is_none_is_refused(monkeypatch, name):
    with_gpus(monkeypatch, 0)
    with pytest.raises(UsageError, match="finds no GPU on this machine"):
        expect_device(name)


@pytest.mark.parametrize(("count", "told"), [(1, "1 GPU, counted"), (2, "2 GPUs, counted")])
def test_a_gpu_beyond_those_that_there_are_is_refused(monkeypatch, count, told):
    with_gpus(monkeypatch, count)
    for number in range(count):
        expect_device(f"cuda:{number}")
    with pytest.raises(UsageError, match=told):
        expect_device(f"cuda:{count}")


def test_a_gpu_without_pytorch_is_refused_and_the_cpu_asks_for_none(monkeypatch):
    def missing(purpose):
        raise ModelError(f"{purpose} needs PyTorch")

    monkeypatch.setattr(devices, "expect_torch", missing)
    expect_device("cpu")
    with pytest.raises(ModelError, match="the device cuda needs PyTorch"):
        expect_device("cuda")
