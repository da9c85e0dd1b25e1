"""The checker of a finished run: reads what it left, calls nothing that ran it, and names what does not hold."""

from cxrgate.verify_run.violation import Kind, Violation

__all__ = ["Kind", "Violation"]
