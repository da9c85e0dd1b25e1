"""`cxrgate recheck`: a released set against what is enrolled today."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrgate.cli.as_json import AsJson
from cxrgate.cli.bars import bars
from cxrgate.cli.errors import Exit, errors_as_messages
from cxrgate.cli.plain import plain
from cxrgate.cli.scores import scores_line
from cxrgate.core import UsageError
from cxrgate.gate.config import read_config

if TYPE_CHECKING:
    from cxrgate.release_report.recheck import Recheck

_SHOWN = 20
_HOW = """To withdraw them: tell everybody who has the set, by these names; remove them from every copy; publish the set
anew by `cxrgate run` with this configuration and another output folder, and make its report with `cxrgate
release-report`. What has been handed out cannot be called back. The released set was not changed by this command."""


def recheck(
    release: Annotated[Path, typer.Argument(help="A released set: the folder with manifest.json.")],
    config: Annotated[Path, typer.Option(help="Configuration with the newer snapshot, models or policy.")],
    output: Annotated[Path | None, typer.Option(help="CSV to write; else recheck.csv beside the released set.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say which files of a released set would be withdrawn, now that more patients are enrolled or models are newer.

    The set is only read. A file that is changed, missing or not in its manifest counts as one to withdraw.

    Exit codes: 0 all of it would be released again; 1 some would be withdrawn; 2 wrong usage.
    """
    with errors_as_messages("gate"):
        path = output or release.resolve().parent / "recheck.csv"
        if path.resolve().is_relative_to(release.resolve()):
            raise UsageError(f"{path} lies in the released set, which it must not go out with: name another place")
        settings = read_config(config)
        from cxrgate.release_report.recheck import recheck as hold
        from cxrgate.release_report.recheck import write_withdrawals

        with bars() as report:
            found = hold(settings, release, lambda done, total: report("check again", done, total))
        write_withdrawals(path, found)
    if as_json:
        typer.echo(json.dumps({"table": str(path), **asdict(found)}, indent=1))
    else:
        tell(found, path)
    raise typer.Exit(Exit.REJECTED if found.withdrawals else Exit.RELEASED)


def tell(found: Recheck, path: Path) -> None:
    """Print the first withdrawals, and what to do about them."""
    same = "the policy of its release" if found.before == found.policy else "another policy than that of its release"
    typer.echo(f"{found.files} files against {found.references} references by {same}; {found.certification}")
    for item in found.withdrawals[:_SHOWN]:
        scores = "" if item.score is None else scores_line(item.score, item.similarities)
        typer.echo(f"  withdraw {plain(item.file)}  {item.reasons}{scores}")
    if len(found.withdrawals) > _SHOWN:
        typer.echo(f"  and {len(found.withdrawals) - _SHOWN} more")
    typer.echo(f"{len(found.withdrawals)} would be withdrawn; all of them in {path}")
    if found.withdrawals:
        typer.echo(_HOW)
