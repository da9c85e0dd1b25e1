"""The root of the command line."""

from __future__ import annotations

import typer

from cxrgate.cli import certs, demo, index, model, run, seed, serve

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Decides whether a synthetic chest radiograph may be released.",
)
app.command()(run.run)
app.command()(demo.demo)
app.command()(seed.embed)
app.command()(seed.search)
app.command()(seed.verify)
app.command("filter")(seed.filter_dataset)
app.command()(certs.certs)
app.add_typer(index.app, name="index")
app.add_typer(model.app, name="model")
app.add_typer(serve.app, name="serve")


def main() -> None:
    """Entry point of the `cxrgate` script."""
    app()
