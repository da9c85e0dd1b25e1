"""`cxrgate compat embed|search|verify|filter`: the steps of anonymization-pipeline, driven by its config.yaml alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from cxrgate.cli.errors import Exit, errors_as_messages
from cxrgate.cli.options import Device, Workers, decode_workers
from cxrgate.cli.plain import plain
from cxrgate.compat import PipelineConfig, read_pipeline_config
from cxrgate.core import Decision

if TYPE_CHECKING:
    from cxrgate.compat.filter import Filtered
    from cxrgate.compat.step import Coverage, Options

Config = Annotated[
    Path,
    typer.Argument(envvar="CONFIG_NAME", help="anonymization-pipeline's config.yaml; paths count from its folder."),
]
DEFAULT = Path("config.yaml")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The four steps of anonymization-pipeline, driven by its config.yaml. `cxrgate run` takes that file, too.",
)
_SHOWN = 20


@app.command()
def embed(config: Config = DEFAULT, device: Device = "cpu", workers: Workers = None) -> None:
    """Step 1, compute_training_embeddings: the real images' embeddings, to lookup_table_output."""
    with errors_as_messages("gate"):
        settings = read_pipeline_config(config)
        from cxrgate.compat.embed import embed as embed_images

        with _options(device, workers) as options:
            count = embed_images(settings, options)
        typer.echo(f"Created lookup table for {count} images in {settings.lookup_table_output}")


@app.command()
def search(config: Config = DEFAULT, device: Device = "cpu", workers: Workers = None) -> None:
    """Step 2, search_nearest_image: the three nearest real images of each synthetic one, to nearest_images_output.

    Exit codes: 0 every image answered, 2 wrong usage, 3 some without an answer.
    """
    with errors_as_messages("gate"):
        settings = read_pipeline_config(config)
        from cxrgate.compat.search import search as search_images

        with _options(device, workers) as options:
            coverage = search_images(settings, options)
    _tell(coverage, "synthetic images searched", settings.nearest_images_output)


@app.command()
def verify(config: Config = DEFAULT, device: Device = "cpu", workers: Workers = None) -> None:
    """Step 3, verify_images: the same-patient score of each image and its nearest, to verification_output.

    Exit codes: 0 every pair answered, 2 wrong usage, 3 some without an answer.
    """
    with errors_as_messages("gate"):
        settings = read_pipeline_config(config)
        from cxrgate.compat.verify import verify as verify_images

        with _options(device, workers) as options:
            coverage = verify_images(settings, options)
    _tell(coverage, "pairs verified", settings.verification_output)


@app.command("filter")
def filter_dataset(config: Config = DEFAULT, workers: Workers = None) -> None:
    """Step 4, filter_dataset: the images with a score below 0.5, encoded anew, to filtered_dataset_output.

    This is the paper's rule: the nearest real image alone, by score alone. `cxrgate run` on the same configuration
    decides by three candidates and a copy detector as well.

    Exit codes: 0 every image released, 1 some rejected, 2 wrong usage, 3 some without an answer.
    """
    with errors_as_messages("gate"):
        settings = read_pipeline_config(config)
        from cxrgate.compat.filter import filter_dataset as filter_images

        with _options("cpu", workers) as options:
            filtered = filter_images(settings, options)
    _report(settings, filtered)
    if filtered.count(Decision.INDETERMINATE):
        raise typer.Exit(Exit.INCOMPLETE)
    raise typer.Exit(Exit.REJECTED if filtered.count(Decision.NOT_ANONYMOUS) else Exit.RELEASED)


def _report(settings: PipelineConfig, filtered: Filtered) -> None:
    typer.echo(f"There are {len(filtered.decisions)} images in the dataset")
    typer.echo(f"Anonymous images: {filtered.count(Decision.ANONYMOUS)}, {len(filtered.borderline)} of them borderline")
    typer.echo(f"Non-anonymous images: {filtered.count(Decision.NOT_ANONYMOUS)}")
    typer.echo(f"Without an answer, and so not released: {filtered.count(Decision.INDETERMINATE)}")
    typer.echo(f"Released set, uncertified: {settings.filtered_dataset_output}")


def _tell(coverage: Coverage, what: str, output: Path) -> None:
    typer.echo(f"{coverage.answered} of {coverage.images} {what}, in {output}")
    for failure in coverage.failures[:_SHOWN]:
        typer.echo(f"  {plain(failure.image_id)}: {failure.reason}, {failure.message}", err=True)
    if len(coverage.failures) > _SHOWN:
        typer.echo(f"  and {len(coverage.failures) - _SHOWN} more", err=True)
    if coverage.answered < coverage.images:
        raise typer.Exit(Exit.INCOMPLETE)


@contextmanager
def _options(device: str, workers: int | None) -> Iterator[Options]:
    """Options with a progress bar on stderr."""
    from cxrgate.compat.step import Options

    with Progress(console=Console(stderr=True), transient=True) as bars:

        def progress(step: str, total: int) -> Callable[[int], None]:
            task = bars.add_task(step, total=total)
            return lambda count: bars.advance(task, count)

        yield Options(device, decode_workers(workers, device), progress)
