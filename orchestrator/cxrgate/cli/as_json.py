"""The option of each command that answers something; it loads nothing else."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
"""The exit code is the same with it."""
