"""The models that a stack is given, looked at without torch: digests, and whether they fit the snapshots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cxrgate.core import CxrgateError, UsageError
from cxrgate.core.digest import file_digest, mapping_digest
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.index.manifest import MANIFEST as SNAPSHOT_MANIFEST
from cxrgate.index.manifest import read_manifest
from cxrgate.index.store import ACTIVE
from cxrgate.stack.findings import HostFinding, Level
from cxrgate.storage.regular_file import read_regular_file

KINDS = ("retrieval", "verification")
SPACES = tuple(space.name for space in COSINE_SPACES)
"""Models that need not be there."""
MANIFEST, WEIGHTS = "model.json", "weights.safetensors"
DIGESTED = ("kind", "architecture", "preprocessing", "dtype", "weights")
"""The parts of a manifest that its digest covers, as models.ModelManifest has it."""

SUBJECT = "models"


def check_models(models: Path, user: int) -> HostFinding:
    """Whether the models are what their manifests say and the containers' user can read them."""
    folders = [models / kind for kind in (*KINDS, *SPACES) if kind in KINDS or (models / kind).is_dir()]
    for folder in folders:
        trouble = _trouble(folder)
        if trouble:
            remedy = "take the folder anew from where it came, or name another with --models"
            return HostFinding(SUBJECT, Level.FAIL, f"{folder}: {trouble}", remedy)
    closed = [path for folder in folders for path in (folder, *folder.iterdir()) if not is_readable(path, user)]
    if closed:
        remedy = f"chmod -R a+rX {models}"
        return HostFinding(SUBJECT, Level.FAIL, f"the containers' user {user} cannot read {closed[0]}", remedy)
    names = ", ".join(f"{folder.name} {model_digest(folder)[:12]}" for folder in folders)
    return HostFinding(SUBJECT, Level.OK, names)


def check_snapshot(store: Path, models: Path) -> HostFinding:
    """Whether the snapshot that will be served was made with these models."""
    try:
        manifest = read_manifest(served_folder(store))
    except CxrgateError as error:
        return HostFinding("snapshot", Level.FAIL, str(error), "enrol, or write one's digest to the file active")
    for kind, made in (("retrieval", manifest.retrieval), ("verification", manifest.verification)):
        given = model_digest(models / kind)
        if made != given:
            text = f"it was made with the {kind} model {made[:12]}, the stack is given {given[:12]}"
            return HostFinding("snapshot", Level.FAIL, text, "give the models that it was made with, or enrol again")
    text = f"{manifest.references} references of {manifest.patients} patients, {manifest.digest[:12]}"
    return HostFinding("snapshot", Level.OK, text)


def served_folder(store: Path) -> Path:
    """The snapshot that the index will serve, by its manifest alone: the index itself checks every byte.

    Raises:
        SnapshotError: a manifest is none.
        UsageError: there is no snapshot, or none of several is the active one.
    """
    folders = [path.parent for path in sorted(store.glob(f"*/{SNAPSHOT_MANIFEST}")) if path.parent.suffix != ".partial"]
    digests = {folder: read_manifest(folder).digest for folder in folders}
    if (store / ACTIVE).exists():
        active = (store / ACTIVE).read_text().strip()
        folders = [folder for folder in folders if digests[folder] == active][:1]
    if len(folders) != 1:
        cure = "activate one of them" if folders else "enrol first"
        raise UsageError(f"{store} holds {len(folders)} snapshots and none is active: {cure}")
    return folders[0]


def _trouble(folder: Path) -> str:
    """What is wrong with a model folder; empty for nothing."""
    try:
        manifest = _manifest(folder)
        covered = mapping_digest({part: manifest[part] for part in DIGESTED})
        if manifest["digest"] != covered:
            return f"{MANIFEST} states the digest {manifest['digest'][:12]}, its content has {covered[:12]}"
        found = file_digest(folder / WEIGHTS)
        named = manifest["weights"]
        return "" if found == named else f"the weights are {found[:12]}, {MANIFEST} names {named[:12]}"
    except OSError as error:
        return f"no model that can be read, {error.strerror}"
    except MALFORMED:
        return f"{MANIFEST} is no model's manifest"


def model_digest(folder: Path) -> str:
    """The digest that a model's manifest states; OSError, KeyError or ValueError where it is none."""
    return str(_manifest(folder)["digest"])


def _manifest(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = parse_json(read_regular_file(folder / MANIFEST))
    return content


def is_readable(path: Path, user: int) -> bool:
    """Whether the containers' user can read it, by mode alone: containers have no other group."""
    status = path.stat()
    needed = 0o5 if path.is_dir() else 0o4
    return status.st_mode & needed == needed or (status.st_uid == user and status.st_mode >> 6 & needed == needed)
