"""The first configuration of a folder: what was found in it, and a word on the keys to know at first."""

from __future__ import annotations

from pathlib import Path

from cxrgate.run.found_sets import FoundSet

_FILL_IN = "FILL IN"


def starting_config(root: Path, real: FoundSet | None, synthetic: FoundSet | None) -> str:
    """The YAML text; paths in it count from `root`. What was not found is to be filled in, and says so."""
    return "\n".join(
        [
            "# What `cxrgate run` checks, and against what. Relative paths count from the folder of this file.",
            "# `cxrgate config schema` prints a schema with which editors complete and explain every key.",
            "",
            *_synthetic(root, synthetic),
            "# Where released images, the page, results and the journal are written.",
            "output: out",
            "# The enrolled real images; made on the first run.",
            "snapshot: snapshot",
            "# `shipped`, or a folder with the model folders retrieval, verification and copy.",
            "models: shipped",
            "",
            *_enrol(root, real),
            "",
            "policy:",
            "  # The share of patients who are not enrolled that may be flagged. A larger one finds more patients and",
            "  # removes more harmless images: see `cxrgate index info snapshot`, and try it by `cxrgate decide out`.",
            "  false_flags: 0.05",
            "# Pictures of real patients on the page: only for those who may see them.",
            "include_references: false",
            "",
        ]
    )


def _synthetic(root: Path, found: FoundSet | None) -> list[str]:
    head = "# The images to check: a folder (class folders are kept), a list with the column image, or an .npz."
    if found is None:
        return [head, f"synthetic: {_FILL_IN}"]
    return [f"{head} Found: {found.images:,}.", f"synthetic: {_quoted(_place(root, found.path))}"]


def _enrol(root: Path, found: FoundSet | None) -> list[str]:
    head = ["# Every real image that the generator was trained on.", "enrol:"]
    if found is None:
        return [*head, f"  images: {_FILL_IN}  # a list (image, patient_id), a folder, or a data set's root", *_KEPT]
    lines = [*head, f"  # {_patients(found)}", f"  images: {_quoted(_place(root, found.path))}"]
    if found.layout is not None:
        lines.append(f"  layout: {found.layout}  # the frontal views of its training split; see `splits` and `views`")
    if found.columns:
        named = ", ".join(f"{column}: {_quoted(name)}" for column, name in found.columns.items())
        lines.append(f"  columns: {{{named}}}  # what the list calls them")
    return [*lines, *_KEPT]


_KEPT = [
    "  # The way back from opaque ids to patients, made on the first run: keep both on this host.",
    "  key: private/key",
    "  reference_map: private/map.csv",
]


def _patients(found: FoundSet) -> str:
    count = f"Found: {found.images:,} {'image' if found.images == 1 else 'images'}"
    if found.has_patients:
        return f"{count}, and whose they are."
    if found.is_dicom:
        return f"{count}. Patients are taken from the DICOM headers."
    return f"{count}. Each counts as another patient's; a list (image, patient_id) that says whose they are is better."


def _place(root: Path, path: Path) -> str:
    return "." if path == root else path.relative_to(root).as_posix()


def _quoted(text: str) -> str:
    """As YAML has it where it is no plain word."""
    plain = text.replace("/", "").replace("_", "").replace("-", "").replace(".", "")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return text if plain.isalnum() and plain.isascii() and not plain.isdigit() else f'"{escaped}"'
