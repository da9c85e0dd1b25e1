"""The report: one HTML page from a run's recorded results."""

from cxrgate.report.page import write_report
from cxrgate.report.pictures import Pictures

__all__ = ["Pictures", "write_report"]
