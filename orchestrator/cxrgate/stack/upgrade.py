"""This snapshot, these models, this version: whether they go together, and what to do where they do not."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from cxrgate.core import CxrgateError
from cxrgate.images.descriptors import made_by
from cxrgate.index.engines.coded.fit import FEW
from cxrgate.index.manifest import PartName, SnapshotManifest, read_manifest
from cxrgate.stack.findings import HostFinding, Level
from cxrgate.stack.model_folders import KINDS, SPACES, model_digest

SUBJECT = "upgrade"
_PARTS = {
    PartName.IMAGES: (
        "records of its images: runs compare names and patients alone",
        "`cxrgate index update CONFIG`",
    ),
    PartName.MEASUREMENT: (
        "measurement of itself: the default rule has no thresholds",
        "`cxrgate index update CONFIG`, or `cxrgate index measure`, which needs no images",
    ),
    PartName.CODES: ("codes: searches are as exact and slower", "`cxrgate index update CONFIG`"),
}
"""What a snapshot lacks without each part, and what adds it."""


def check_upgrade(snapshot: Path, models: Path) -> HostFinding:
    """One line for a snapshot, by its manifest alone.

    Args:
        snapshot: its folder.
        models: folder of the model folders.
    """
    try:
        manifest = read_manifest(snapshot)
        given = _built_with(models)
    except (CxrgateError, OSError, KeyError, ValueError) as error:
        return HostFinding(
            SUBJECT, Level.FAIL, f"{error}", "name the snapshot by --snapshot and the models by --models"
        )
    made = {"retrieval": manifest.retrieval, "verification": manifest.verification, **manifest.methods}
    about = f"{snapshot.name} {manifest.digest[:12]}, format {manifest.format}, cxrgate {version('cxrgate')}"
    if made != given:
        differing = [kind for kind in made if made[kind] != given[kind]]
        text = f"{about}: it was made with other models than {models} holds ({', '.join(differing)})"
        return HostFinding(SUBJECT, Level.FAIL, text, "keep the models that it was made with, or enrol all images anew")
    return _missing_parts(manifest, about)


def _missing_parts(manifest: SnapshotManifest, about: str) -> HostFinding:
    missing = [part for part in _PARTS if part not in manifest.parts]
    if manifest.references < FEW:
        missing = [part for part in missing if part is not PartName.CODES]  # a small snapshot has none
    if not missing:
        return HostFinding(SUBJECT, Level.OK, f"{about}: it has all that this version knows")
    lacks = "; ".join(f"no {_PARTS[part][0]}" for part in missing)
    cures = list(dict.fromkeys(_PARTS[part][1] for part in missing))
    remedy = f"{'; '.join(cures)}; docs/upgrade.md says what follows"
    return HostFinding(SUBJECT, Level.WARN, f"{about}: it is read, and has {lacks}", remedy)


def _built_with(models: Path) -> dict[str, str]:
    """What a snapshot made with these models names, by kind of the model."""
    digests = {space: model_digest(models / space) for space in SPACES if (models / space).is_dir()}
    methods = {space: made_by(space, digests.get(space)) for space in SPACES}
    return {**{kind: model_digest(models / kind) for kind in KINDS}, **methods}
