"""The names of real images that cannot be enrolled, in one file that `enrol.exclude` reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cxrgate.core import Failure
from cxrgate.gate.config import Enrol
from cxrgate.index.build import EnrolmentError
from cxrgate.run.host_fault import told
from cxrgate.storage.text_file import read_lines

NAME = "failed.txt"


def failed_names_path(settings: Enrol) -> Path:
    """Beside the reference map: it names real images."""
    return settings.reference_map.with_name(NAME)


def write_failed_names(settings: Enrol, failures: Sequence[Failure]) -> Path:
    """Write the file: names that are excluded already, then these with what is wrong; errors as read_lines."""
    path = failed_names_path(settings)
    _write(path, _excluded(settings), failures)
    return path


def enrolment_error(settings: Enrol, failures: Sequence[Failure]) -> EnrolmentError:
    """Write the file and give the error that says so.

    Names that are excluded already come first, so that the file can take the place of the old one. A fault of this host
    is no reason to exclude an image: such images are counted, and not in the file.

    Raises:
        UsageError: the names that are excluded already cannot be read; see read_lines.
    """
    own = [failure for failure in failures if not failure.is_host_fault]
    faults = [failure for failure in failures if failure.is_host_fault]
    ways = []
    if own:
        path = write_failed_names(settings, own)
        ways.append(
            f"every name is in {path}: mend them, or leave them out by `exclude: {path}` (or --exclude); "
            "copies of images that are left out pass. What was embedded is kept"
        )
    if faults:
        ways.append(
            f"{len(faults)} failed through no fault of their own and are tried again when it is started again: "
            f"{told(faults)}"
        )
    return EnrolmentError(failures, "\n".join(ways))


def _excluded(settings: Enrol) -> list[str]:
    if settings.exclude is None:
        return []
    return [line for _, line in read_lines(settings.exclude, "image names")]


def _write(path: Path, before: Sequence[str], failures: Sequence[Failure]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        for line in before:
            file.write(f"{line}\n")
        for failure in failures:
            file.write(f"{failure.image_id}\t{failure.reason}: {failure.message}\n")
