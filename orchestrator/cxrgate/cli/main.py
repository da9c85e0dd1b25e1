"""The root of the command line."""

from __future__ import annotations

import sys
import traceback

import typer

from cxrgate.cli import certs, demo, evaluate, health, index, log, model, run, seed, serve, train
from cxrgate.cli.errors import Exit

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Decides whether a synthetic chest radiograph may be released.",
    epilog="Exit codes of every command: 0 done, and every image released; 1 done, some images rejected; "
    "2 wrong usage or input; 3 some images without an answer; 4 an error of cxrgate itself; 130 interrupted.",
)
app.command()(run.run)
app.command()(demo.demo)
app.command()(seed.embed)
app.command()(seed.search)
app.command()(seed.verify)
app.command("filter")(seed.filter_dataset)
app.command()(certs.certs)
app.command()(evaluate.evaluate)
app.command()(health.health)
app.add_typer(index.app, name="index")
app.add_typer(log.app, name="log")
app.add_typer(model.app, name="model")
app.add_typer(serve.app, name="serve")
app.add_typer(train.app, name="train")


def main() -> None:
    """Entry point of the `cxrgate` script."""
    try:
        app()
    except Exception:  # noqa: BLE001 - whatever it is, it must not exit as "some rejected"
        traceback.print_exc()
        sys.exit(Exit.BROKEN)
