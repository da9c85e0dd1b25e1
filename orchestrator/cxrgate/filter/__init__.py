"""The filter in this process, for scripts, notebooks and one-line checks: no service. Needs the extra `gate`.

Example:
    from cxrgate.filter import Filter

    with Filter.open("snapshot") as gate:
        verdicts = gate.check(samples)  # paths, bytes, Pillow images, arrays or tensors
        keep = [verdict.image_id for verdict in verdicts if verdict.released]
        verdicts.to_pandas()
"""

from importlib.metadata import version

from cxrgate.core import CxrgateError, Decision, Policy, UsageError
from cxrgate.filter.filter import Filter
from cxrgate.filter.gallery import Gallery
from cxrgate.filter.verdict import Nearest, Verdict
from cxrgate.filter.verdicts import Verdicts

__version__ = version("cxrgate")

__all__ = [
    "CxrgateError",
    "Decision",
    "Filter",
    "Gallery",
    "Nearest",
    "Policy",
    "UsageError",
    "Verdict",
    "Verdicts",
    "__version__",
]
