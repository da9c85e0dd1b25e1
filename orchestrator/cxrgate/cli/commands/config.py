"""`cxrgate config`: what a configuration may hold."""

from __future__ import annotations

import json

import typer

from cxrgate.gate.schema import config_schema

app = typer.Typer(no_args_is_help=True, add_completion=False, help="What a configuration of a run may hold.")


@app.callback()
def about() -> None:
    """What a configuration of a run may hold."""


@app.command()
def schema() -> None:
    """Print the JSON Schema of a run's configuration, with which editors complete and check config.yaml.

    With the YAML extension of an editor: save it as cxrgate.schema.json, and begin config.yaml with the line
    `# yaml-language-server: $schema=cxrgate.schema.json`.
    """
    typer.echo(json.dumps(config_schema(), indent=2))
