"""Radiographs of invented patients, and a data set with planted leaks."""

from cxrgate.demo.anatomy import Patient
from cxrgate.demo.dataset import Extent, read_planted, write_dataset
from cxrgate.demo.drawing import View, draw
from cxrgate.demo.planting import PlantedKind

__all__ = ["Extent", "Patient", "PlantedKind", "View", "draw", "read_planted", "write_dataset"]
