"""Making of a model another one that computes in another dtype. Nothing is computed here, so no torch is needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cxrgate.core import ModelError
from cxrgate.models.manifest import WEIGHTS, Dtype, ModelManifest, read_manifest, read_weights, write_manifest
from cxrgate.storage import replaced_folder


def cast_model(folder: Path, output: Path, dtype: Dtype) -> ModelManifest:
    """Write a model folder to `output` that computes in another dtype: another model, with another digest.

    Raises:
        ModelError: as read_manifest; or `output` is `folder`.
    """
    if output.resolve() == folder.resolve():
        raise ModelError(f"{output} is the model's own folder: name another folder to write to")
    old = read_manifest(folder)
    provenance = {**old.provenance, "cast_from": old.digest}
    manifest = replace(old, name=output.name, dtype=dtype, provenance=provenance)
    with replaced_folder(output, everybodys=True) as partial:
        (partial / WEIGHTS).write_bytes(read_weights(folder, old))
        write_manifest(partial, manifest)
    return manifest
