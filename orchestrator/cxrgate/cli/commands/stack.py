"""`cxrgate stack`: models, index and gate in containers on this host."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrgate.cli.as_json import AsJson
from cxrgate.cli.errors import Exit, errors_as_messages
from cxrgate.cli.options import MODEL_FOLDERS, DemoModels, demo_models, models_folder
from cxrgate.stack.variables import (
    CERTIFICATION_KEY,
    CONFIG,
    GPU,
    HTTPS,
    LISTEN,
    MODELS,
    PROFILE_SERVICES,
    PROFILES,
    PROJECT,
    REGISTRY,
    RUN,
    SENDERS,
    WATCHED,
)

if TYPE_CHECKING:
    from cxrgate.client import Verdict
    from cxrgate.stack.state import State

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Run models, index and gate in containers on this host."
)

StateFolder = Annotated[Path, typer.Option("--state", help="Folder of certificates, keys, snapshots and the log.")]
Deploy = Annotated[Path, typer.Option(help="Folder with compose.yaml.")]
STATE, DEPLOY, ADDRESS = Path("state"), Path("deploy"), "127.0.0.1:8443"


@app.command()
def up(
    images: Annotated[
        Path | None, typer.Option(help="Real images to enrol on the first start: a folder, or CSV (image, patient_id).")
    ] = None,
    models: Annotated[Path | None, typer.Option(help=f"Model folders {MODEL_FOLDERS} [the shipped ones].")] = None,
    config: Annotated[Path | None, typer.Option(help="The gate's configuration [deploy/gate.yaml].")] = None,
    listen: Annotated[str | None, typer.Option(help="HOST:PORT of the gate on this host [127.0.0.1:8443].")] = None,
    https: Annotated[
        str | None,
        typer.Option(help="HOST:PORT of the gate over HTTPS and JSON as well; empty for gRPC alone [gRPC alone]."),
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option(help="Name or address that callers know the gate by; may be repeated.")
    ] = None,
    gpu: Annotated[bool | None, typer.Option("--gpu/--no-gpu", help="Compute on this host's GPUs [no].")] = None,
    observability: Annotated[
        bool | None, typer.Option("--observability/--no-observability", help="Prometheus and Grafana as well [no].")
    ] = None,
    dicom: Annotated[
        list[str] | None,
        typer.Option(metavar="AETITLE", help="Sender for a DICOM receiver; may be repeated; empty for none [none]."),
    ] = None,
    review: Annotated[
        str | None, typer.Option(help="Output folder of a finished run for the reviewers' page; empty for none [none].")
    ] = None,
    registry: Annotated[
        str | None, typer.Option(help="Prefix of images to pull, such as registry.example/; empty builds them [empty].")
    ] = None,
    certification_key: Annotated[
        Path | None,
        typer.Option(
            envvar=CERTIFICATION_KEY,
            help="Public key of whoever certifies: no verdict without a current certificate [no certificates].",
        ),
    ] = None,
    project: Annotated[str | None, typer.Option(help="Name of the stack on this host [cxrgate].")] = None,
    state: StateFolder = STATE,
    deploy: Deploy = DEPLOY,
) -> None:
    """Start the stack and wait until it is healthy; what is missing is built, made and enrolled first.

    What is not given is as in the start before, or as in [brackets].

    Exit codes: 0 it is healthy, 2 it is not; the message says what is wrong and what helps.
    """
    with errors_as_messages("stack"):
        from cxrgate.stack.checks import Plan
        from cxrgate.stack.launch import Launch
        from cxrgate.stack.state import State

        folder = State(state.resolve())
        known = folder.read_variables() if folder.variables.exists() else {}
        plan = Plan(
            folder,
            models_folder(models or _chosen(None, known.get(MODELS))).resolve(),
            listen or known.get(LISTEN, ADDRESS),
            bool(known.get(GPU)) if gpu is None else gpu,
        )
        reviewed = known.get(RUN, "") if review is None else review
        launch = Launch(
            plan,
            deploy.resolve(),
            project or known.get(PROJECT, "cxrgate"),
            hosts=host or [],
            images=None if images is None else images.resolve(),
            watched=WATCHED in known.get(PROFILES, "").split(",") if observability is None else observability,
            config=_chosen(config, known.get(CONFIG)),
            registry=known.get(REGISTRY, "") if registry is None else registry,
            certification_key=_chosen(certification_key, known.get(CERTIFICATION_KEY)),
            senders=known.get(SENDERS, "").split() if dicom is None else [title for title in dicom if title],
            reviewed=Path(reviewed).resolve() if reviewed else None,
            https=known.get(HTTPS, "") if https is None else https,
        )
        launch.run(_say)
        typer.echo(f"healthy: the gate answers at {plan.listen}; certificates are in {folder.certificates}")


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Folder of the drawn data set and of the stack's state.")] = Path(
        "out/stack"
    ),
    models: DemoModels = None,
    listen: Annotated[str, typer.Option(help="HOST:PORT of the gate on this host.")] = ADDRESS,
    project: Annotated[str, typer.Option(help="Name of the stack among this host's containers.")] = "cxrgate-demo",
    deploy: Deploy = DEPLOY,
) -> None:
    """Start a stack over radiographs of invented patients, and have its gate check a synthetic set with planted leaks.

    Exit codes: 0 every image got an answer, whatever it was; 2 the stack does not start; 3 some got none.
    """
    with errors_as_messages("stack"):
        from cxrgate.demo.dataset import SEED, write_dataset
        from cxrgate.stack.checks import Plan
        from cxrgate.stack.launch import Launch
        from cxrgate.stack.state import State

        data, state = output.resolve() / "data", State(output.resolve() / "state")
        if not data.exists():
            _say("drawing radiographs of invented patients")
            write_dataset(data, SEED)
        plan = Plan(state, demo_models(models).resolve(), listen, gpu=False)
        Launch(plan, deploy.resolve(), project, images=data / "real.csv").run(_say)
        verdicts = _check(data / "synthetic", listen, state)
    for decision, count in sorted(Counter(item.decision for item in verdicts).items()):
        typer.echo(f"{decision:15}{count:4}")
    typer.echo(f"stop it with: cxrgate stack down --state {state.folder}")
    if any(item.error is not None and item.error.code != "INVALID_ARGUMENT" for item in verdicts):
        raise typer.Exit(Exit.INCOMPLETE)


def _check(folder: Path, address: str, state: State) -> list[Verdict]:
    """What the gate says of every file below a folder, asked as the generator."""
    from cxrgate.client import Gate, Image
    from cxrgate.rpc.channel import Identity

    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    images = (Image(path.read_bytes(), "-".join(path.relative_to(folder).parts)) for path in paths)
    with Gate(address, Identity.read(state.certificates / "generator")) as gate:
        return list(gate.check_many(images))


@app.command()
def status(state: StateFolder = STATE, as_json: AsJson = False) -> None:
    """Say which services run and are healthy.

    Exit codes: 0 all are, 2 no stack was started from there, 3 some are not.
    """
    with errors_as_messages("stack"):
        from cxrgate.stack.engine import Engine
        from cxrgate.stack.state import State

        project = State(state.resolve()).read_variables()[PROJECT]
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
    service: Annotated[str, typer.Argument(help="A service, such as gate.")],
    lines: Annotated[int, typer.Option(min=1, help="How many of the last lines.")] = 100,
    state: StateFolder = STATE,
) -> None:
    """Print the end of a service's log."""
    with errors_as_messages("stack"):
        from cxrgate.stack.engine import Engine
        from cxrgate.stack.state import State

        project = State(state.resolve()).read_variables()[PROJECT]
        typer.echo(Engine().log(project, service, lines), nl=False)


@app.command()
def down(state: StateFolder = STATE, deploy: Deploy = DEPLOY) -> None:
    """Stop the stack: calls in flight end, the state folder stays as it is."""
    with errors_as_messages("stack"):
        from cxrgate.stack.compose import Compose
        from cxrgate.stack.state import State

        folder = State(state.resolve())
        folder.read_variables()
        Compose(deploy.resolve(), folder.variables, profiles=list(PROFILE_SERVICES)).run("down", "--remove-orphans")


def _chosen(given: Path | None, known: str | None) -> Path | None:
    """A file as it is given now, or was before."""
    path = given or (Path(known) if known else None)
    return None if path is None else path.resolve()


def _say(line: str) -> None:
    typer.echo(line, err=True)
