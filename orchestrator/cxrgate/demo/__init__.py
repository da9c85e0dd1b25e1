"""Radiographs of invented patients, and a data set with planted leaks."""

from cxrgate.demo.anatomy import Patient
from cxrgate.demo.drawing import View, draw

__all__ = ["Patient", "View", "draw"]
