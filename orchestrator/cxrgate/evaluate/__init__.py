"""How good a model store is on patients that its models never saw."""

from cxrgate.evaluate.baseline import fit_baseline
from cxrgate.evaluate.evaluation import Evaluation, evaluate, read_manifests
from cxrgate.evaluate.listing import HeldOut, hold_out, read_entries

__all__ = ["Evaluation", "HeldOut", "evaluate", "fit_baseline", "hold_out", "read_entries", "read_manifests"]
