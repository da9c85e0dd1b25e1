"""`cxrgate verify-run`: whether the output of a run proves itself."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrgate.cli.as_json import AsJson
from cxrgate.cli.errors import Exit, errors_as_messages
from cxrgate.cli.plain import plain
from cxrgate.core import CertificateError, CxrgateError, UsageError
from cxrgate.gate.config import RunConfig, read_config

if TYPE_CHECKING:
    from cxrgate.certification import Certificate
    from cxrgate.verify_run.configured import Configured
    from cxrgate.verify_run.verify import Known, Verified

_SHOWN = 100


def verify_run(
    output: Annotated[Path, typer.Argument(help="The output folder of a run.")],
    config: Annotated[
        Path | None,
        typer.Option(help="Its configuration: the list of images, the rule, the reviewers' log, the keys."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that each released image has its whole chain of evidence, and that each listed image is answered once.

    Reads journal, tables, manifest, every released file and, with the configuration, the list, the rule, the snapshot's
    digest, the reviewers' log and the certificate. Decides anew from the recorded numbers. Changes nothing. The last
    line counts the violations.

    Exit codes: 0 all of it holds; 1 something does not, and is named; 2 wrong usage.
    """
    with errors_as_messages("gate"):
        if not output.is_dir():
            raise UsageError(
                f"{output} is no output folder of a run: name the one that its configuration names as `output`"
            )
        settings = read_config(config) if config else None
        from cxrgate.verify_run.verify import verify_run as verify

        found = verify(output, _known(settings))
    if as_json:
        typer.echo(json.dumps({"holds": not found.violations, **asdict(found)}, indent=1))
    else:
        tell(found)
    raise typer.Exit(Exit.REJECTED if found.violations else Exit.RELEASED)


def tell(found: Verified) -> None:
    """Print the violations, and how many there are."""
    for item in found.violations[:_SHOWN]:
        typer.echo(f"{item.kind} {plain(item.where)}: {plain(item.told)}")
    if len(found.violations) > _SHOWN:
        typer.echo(f"and {len(found.violations) - _SHOWN} more")
    for what in found.unchecked:
        typer.echo(f"not checked: {what}")
    released = "no set is published" if found.released is None else f"{found.released} released"
    typer.echo(f"{released}; {len(found.violations)} violations in {found.images} images")


def _known(config: RunConfig | None) -> Known:
    from cxrgate.certification import certificate_bytes, read_public_key
    from cxrgate.images import SourceOptions, read_listing
    from cxrgate.verify_run.bindings import CertificateFile
    from cxrgate.verify_run.verify import Known

    if config is None:
        return Known()
    certificate = None
    if config.certification_key is not None and (content := certificate_bytes(config.snapshot)) is not None:
        certificate = CertificateFile(content, read_public_key(config.certification_key))
    listing = read_listing(config.synthetic, SourceOptions(float_range=config.float_range))
    listed = frozenset(file.image_id for file in listing.files)
    configured = _configured(config, certificate.content if certificate else None)
    return Known(listed, config.review, config.read_storage_key(), certificate, configured)


def _configured(config: RunConfig, content: bytes | None) -> Configured:
    from cxrgate.gate.resolved import resolved_policy
    from cxrgate.index.manifest import read_manifest
    from cxrgate.verify_run.configured import Configured

    certified = config.certification == "required"
    named = config.policy.model_fields_set if certified else type(config.policy).model_fields
    rule = {name: getattr(config.policy, name) for name in sorted(named)}
    numbers = {name: value for name, value in rule.items() if not isinstance(value, str)}
    # What a minimum follows from may say that there is none.
    asked = rule.keys() - numbers.keys() - {"minimum_frontality"}
    found = Configured(numbers, asked, config.policy.false_flags, side=config.release.side, certified=certified)
    found = replace(found, certificate=content is not None)
    try:
        manifest = read_manifest(config.snapshot)
        about = {name: value for name, value in asdict(manifest).items() if name not in ("arrays", "parts")}
        found = replace(found, snapshot=manifest.digest, about=about)
        return replace(found, resolved=resolved_policy(config, manifest, _certificate(config, content)))
    except CxrgateError:  # what is not at hand is not compared, and verify_run says so
        return found


def _certificate(config: RunConfig, content: bytes | None) -> Certificate | None:
    """The one whose numbers the rule has; CertificateError where one is required that is none."""
    from cxrgate.certification import read_certificate, read_public_key

    if config.certification == "none" or config.certification_key is None:
        return None
    if content is None:
        raise CertificateError(f"there is no certificate beside {config.snapshot}")
    return read_certificate(content, read_public_key(config.certification_key))
