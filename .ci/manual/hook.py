"""What `mkdocs build` calls: pages that are made from the code, and a check that nothing is left out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from mkdocs.structure.files import File, Files

from manual.commands import commands_page
from manual.configuration import configuration_page
from manual.coverage import coverage_page
from manual.metrics import metrics_page
from manual.protocol import protocol_page
from manual.reasons import reasons_page
from manual.results import results_page

PAGES = {
    "reference/configuration.md": configuration_page,
    "reference/commands.md": commands_page,
    "reference/reasons.md": reasons_page,
    "reference/results.md": results_page,
    "reference/grpc.md": protocol_page,
    "reference/metrics.md": metrics_page,
}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    made = {name: page() for name, page in PAGES.items()}
    written = {file.src_uri: Path(file.abs_src_path).read_text() for file in files.documentation_pages()}
    made["reference/index.md"] = coverage_page({**written, **made})
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))
    return files
