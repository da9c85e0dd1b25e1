"""`cxrgate stack`: models, index and gate in containers on this host."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cxrgate.cli.errors import Exit, shown
from cxrgate.stack import Compose, Engine, Launch, Plan, State, read_project

app = typer.Typer(no_args_is_help=True, help="Run models, index and gate in containers on this host.")

StateFolder = Annotated[Path, typer.Option("--state", help="Folder of certificates, keys, snapshots and the log.")]
Deploy = Annotated[Path, typer.Option(help="Folder with compose.yaml.")]
STATE, DEPLOY = Path("state"), Path("deploy")


@app.command()
def up(
    images: Annotated[
        Path | None, typer.Option(help="Real images to enrol on the first start: a folder, or CSV (image, patient_id).")
    ] = None,
    models: Annotated[Path, typer.Option(help="Folder of the model folders retrieval, verification, copy.")] = Path(
        "model_store"
    ),
    listen: Annotated[str, typer.Option(help="HOST:PORT of the gate on this host.")] = "127.0.0.1:8443",
    host: Annotated[
        list[str] | None, typer.Option(help="Name or address that callers know the gate by; may be repeated.")
    ] = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="Compute on this host's GPUs.")] = False,
    observability: Annotated[
        bool, typer.Option("--observability", help="Start Prometheus and Grafana as well.")
    ] = False,
    project: Annotated[str, typer.Option(help="Name of the stack among this host's containers.")] = "cxrgate",
    state: StateFolder = STATE,
    deploy: Deploy = DEPLOY,
) -> None:
    """Start the stack and wait until it is healthy; what is missing is built, made and enrolled first.

    Exit codes: 0 it is healthy, 2 it is not; the message says what is wrong and what helps.
    """
    with shown():
        plan = Plan(State(state.resolve()), models.resolve(), listen, gpu)
        profiles = ["observability"] if observability else []
        enrolled = None if images is None else images.resolve()
        Launch(plan, deploy.resolve(), project, host or [], enrolled, profiles).run(_say)
        typer.echo(f"healthy: the gate answers at {listen}; certificates are in {plan.state.certificates}")


@app.command()
def status(
    state: StateFolder = STATE, as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False
) -> None:
    """Say which services run and are healthy.

    Exit codes: 0 all are, 2 no stack was started from there, 3 some are not.
    """
    with shown():
        project, _ = read_project(State(state.resolve()))
        states = Engine().states(project)
    if as_json:
        typer.echo(json.dumps([asdict(item) for item in states], indent=2))
    else:
        for item in states:
            typer.echo(f"{item.service:12}{item.state:12}{item.health:12}{item.restarts} restarts")
    if not states or not all(item.good for item in states):
        raise typer.Exit(Exit.INCOMPLETE)


@app.command()
def logs(
    service: Annotated[str, typer.Argument(help="models, index or gate.")],
    lines: Annotated[int, typer.Option(min=1, help="How many of the last lines.")] = 100,
    state: StateFolder = STATE,
) -> None:
    """Print the end of a service's log."""
    with shown():
        project, _ = read_project(State(state.resolve()))
        typer.echo(Engine().log(project, service, lines), nl=False)


@app.command()
def down(state: StateFolder = STATE, deploy: Deploy = DEPLOY) -> None:
    """Stop the stack: calls in flight end, the state folder stays as it is."""
    with shown():
        folder = State(state.resolve())
        read_project(folder)
        Compose(deploy.resolve(), folder.variables, profiles=["observability"]).run("down", "--remove-orphans")


def _say(line: str) -> None:
    typer.echo(line, err=True)
