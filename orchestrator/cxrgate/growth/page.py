"""Identity as the index grows, as a page and as the tables of the project's documents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cxrgate.growth.growth import Growth
from cxrgate.growth.markdown import markdown
from cxrgate.growth.plots import growth_plots
from cxrgate.run_page.environment import make_environment
from cxrgate.storage import write_durably


def write_growth(growth: Growth, models: Mapping[str, str], folder: Path) -> None:
    """Write identity.html, one file without scripts and network, and identity.md, tables for documents.

    Args:
        growth: of the models.
        models: their digests by kind.
        folder: existing.
    """
    page = make_environment("cxrgate.growth", "cxrgate.run_page").get_template("growth.html.j2")
    html = page.render(growth=growth, models=models, plots=growth_plots(growth.rows, growth.extrapolated))
    write_durably(folder / "identity.html", html.encode())
    write_durably(folder / "identity.md", markdown(growth.rows, growth.extrapolated).encode())
