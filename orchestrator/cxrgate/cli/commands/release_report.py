"""`cxrgate release-report` and `cxrgate verify-report`: what a release may claim, signed, and whether it holds."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrgate.certification import UNCERTIFIED, Signer, certificate_bytes, read_public_key, utc_now
from cxrgate.cli.as_json import AsJson
from cxrgate.cli.bars import bars
from cxrgate.cli.errors import Exit, errors_as_messages
from cxrgate.cli.plain import plain
from cxrgate.core import UsageError
from cxrgate.gate.config import RunConfig, read_config
from cxrgate.index import Snapshot, read_key

if TYPE_CHECKING:
    from cxrgate.release_report.checks.found import Verification
    from cxrgate.release_report.coverage import Coverage
    from cxrgate.run.paths import Paths

Certificate = Annotated[
    Path | None, typer.Option(help="The certificate; else the one beside the configuration's snapshot.")
]
Audit = Annotated[Path | None, typer.Option(help="audit.json of `cxrgate audit`, with cases.parquet beside it.")]
Training = Annotated[
    Path | None,
    typer.Option("--training-manifest", help="CSV of what the generator was trained on, named as at enrolment."),
]


def release_report(
    place: Annotated[Path, typer.Argument(help="Configuration of a finished run, or its output folder.")],
    key: Annotated[Path, typer.Option(help="Private key that signs; made by `cxrgate certificate key`.")],
    certificate: Certificate = None,
    audit: Audit = None,
    training_manifest: Training = None,
) -> None:
    """Write and sign what may be claimed of a released set: release-report.json, and a page, in its output folder.

    The released files are checked first, their pixels too. Equal records that are signed at the same second give equal
    bytes. The report names the key's file. Coverage needs the configuration: it names the snapshot and the key of the
    opaque ids.

    Exit codes: 0 written; 2 wrong usage, or files that are not what the run recorded.
    """
    with errors_as_messages("gate"):
        config, signer = read_config(place) if place.is_file() else None, Signer.read(key)
        from cxrgate.release_report.compose import Inputs
        from cxrgate.release_report.write import PAGE_SUFFIX, write_release_report
        from cxrgate.run.paths import Paths

        paths = Paths(config.output if config else place)
        inputs = Inputs(
            paths.results,
            paths.released,
            _certificate(paths, config, certificate),
            audit,
            _coverage(config, training_manifest),
        )
        path = write_release_report(inputs, paths.output, signer, utc_now())
        typer.echo(f"{path}\n{path.with_suffix(PAGE_SUFFIX)}")


def verify_report(
    path: Annotated[Path, typer.Argument(metavar="REPORT", help="release-report.json, or the folder that it is in.")],
    key: Annotated[Path, typer.Option(help="Public key of whoever signed the report.")],
    certification_key: Annotated[
        Path | None, typer.Option(help="Public key of whoever certifies; the same as --key when not given.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="Folder of the run's results; else the one beside the report.")
    ] = None,
    released: Annotated[Path | None, typer.Option(help="The released set; else the one beside the report.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="The certificate's file, to compare.")] = None,
    audit: Audit = None,
    config: Annotated[Path | None, typer.Option(help="Configuration of the run, to count the coverage anew.")] = None,
    training_manifest: Training = None,
    as_json: AsJson = False,
) -> None:
    """Check a release report: signature, certificate, each released file, and every figure against the records.

    Exit codes: 0 all of it holds; 1 something was changed or is over, and is named; 2 wrong usage.
    """
    with errors_as_messages("gate"):
        if path.is_dir():
            from cxrgate.release_report.write import REPORT

            path = path / REPORT
        if not path.is_file():
            raise UsageError(f"there is no release report at {path}: name the .json file that was signed")
        settings, public = read_config(config) if config else None, read_public_key(key)
        from cxrgate.release_report.verify import Sources, verify_release_report
        from cxrgate.run.paths import Paths

        beside = Paths(path.parent)
        sources = Sources(
            key=public,
            certification_key=read_public_key(certification_key) if certification_key else public,
            released=released or beside.released,
            results=results or (beside.results if beside.results.is_dir() else None),
            certificate=certificate,
            audit=audit,
            coverage=_counted_again(settings, training_manifest),
        )
        found = verify_release_report(path, sources)
    raise typer.Exit(tell(found, as_json=as_json))


def tell(found: Verification, *, as_json: bool = False) -> Exit:
    """Print what was found and give the exit code."""
    code = Exit.REJECTED if found.changes else Exit.RELEASED
    if as_json:
        typer.echo(json.dumps({"holds": not found.changes, **asdict(found)}, indent=1))
        return code
    if found.signed:
        typer.echo(found.signed)
    typer.echo(f"checked: {', '.join(found.checked)}")
    for what in found.unchecked:
        typer.echo(f"not checked: {what}")
    for change in found.changes:
        typer.echo(f"CHANGED {change.part}: {plain(change.told)}")
    typer.echo("it does not hold" if found.changes else "all that was checked holds")
    return code


def _certificate(paths: Paths, config: RunConfig | None, path: Path | None) -> bytes | None:
    """The bytes of the certificate that was named, or of the one beside the snapshot where the run had one."""
    if path is not None:
        if not path.is_file():
            raise UsageError(f"there is no certificate at {path}: check --certificate")
        return path.read_bytes()
    if config is None:
        return None
    from cxrgate.run.recorded import read_results

    if read_results(paths.results).run.get("certification") == UNCERTIFIED:
        return None
    return certificate_bytes(config.snapshot)


def _counted_again(config: RunConfig | None, manifest: Path | None) -> Coverage | None:
    """The coverage; None, and so listed as not checked, on a host that has not the key of the opaque ids."""
    if config is not None and config.enrol is not None and not config.enrol.key.is_file():
        return None
    return _coverage(config, manifest)


def _coverage(config: RunConfig | None, manifest: Path | None) -> Coverage | None:
    if manifest is None:
        return None
    if config is None or config.enrol is None:
        raise UsageError(
            "--training-manifest needs the snapshot and the key of the run: give its configuration, with enrol.key"
        )
    from cxrgate.release_report.coverage import cover

    key, snapshot = read_key(config.enrol.key), Snapshot.open(config.snapshot, config.read_storage_key())
    with bars() as progress:
        return cover(manifest, snapshot, key, config.decode_workers, progress)
