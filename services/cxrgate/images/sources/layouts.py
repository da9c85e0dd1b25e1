"""The layouts in which real images come: a folder, a table, or a public data set as it is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.core.counted import counted
from cxrgate.images.sources.brax import list_brax
from cxrgate.images.sources.chexpert import list_chexpert
from cxrgate.images.sources.csv_list import is_patient, list_table
from cxrgate.images.sources.data_sets import find_data_sets
from cxrgate.images.sources.files import ImageFile
from cxrgate.images.sources.folder import count_files, list_told
from cxrgate.images.sources.listing import Layout, Listing, PatientRule, SourceOptions
from cxrgate.images.sources.mimic import list_mimic
from cxrgate.images.sources.nih import list_nih
from cxrgate.images.sources.packed import PackedFiles
from cxrgate.images.sources.padchest import list_padchest
from cxrgate.images.sources.tables import is_table
from cxrgate.images.sources.vindr import list_vindr

_LISTS: dict[Layout, Callable[[Path, SourceOptions], Listing]] = {
    Layout.CSV: list_table,
    Layout.BRAX: list_brax,
    Layout.CHEXPERT: list_chexpert,
    Layout.MIMIC: list_mimic,
    Layout.NIH: list_nih,
    Layout.PADCHEST: list_padchest,
    Layout.VINDR: list_vindr,
}

_PLAIN = "write `layout: folder` (--layout folder), if it is a plain folder of images"


def list_source(path: Path, layout: Layout | None = None, splits: Path | None = None) -> list[ImageFile]:
    """The images at `path`, with patients where it has any; errors as read_listing."""
    return list(read_listing(path, SourceOptions(layout=layout, split_table=splits)).files)


def read_listing(path: Path, options: SourceOptions) -> Listing:
    """List the images at `path`; without a layout a table is a list and everything else a folder.

    Where `options` ask to recognise it, the root of a public data set is listed as that, and the first note says so.

    Raises:
        UsageError: the source is not of that layout, an option is given that the layout has no use for, or the folder
            may be the root of more than one data set.
    """
    listing = _recognised(path, options) if options.recognise and options.layout is None else _listing(path, options)
    if options.float_range is None:
        return listing
    files = (replace(file, value_range=options.float_range) for file in listing.files)
    return replace(listing, files=PackedFiles(path if path.is_dir() else path.parent, files))


def _recognised(path: Path, options: SourceOptions) -> Listing:
    """The listing of the data set whose root it is, or else as _listing."""
    try:
        found = find_data_sets(path)
    except UsageError as error:
        raise UsageError(f"{error}. Mend that, or {_PLAIN}") from error
    if not found:
        return _listing(path, options)
    told = " and ".join(f"the data set {layout} by {table.relative_to(path)}" for layout, table in found.items())
    if len(found) > 1:
        raise UsageError(f"{path} looks like {told}: say by `layout` (--layout) which it is, or {_PLAIN}")
    (layout,) = found
    try:
        listing = _listing(path, replace(options, layout=layout))
    except UsageError as error:
        raise UsageError(
            f"{path} looks like {told}, and cannot be listed so: {error}. Mend that, or {_PLAIN}"
        ) from error
    notes = [f"{path} is listed as {told}; {_PLAIN}"]
    named, there = len(listing.files) + sum(listing.left_out.values()), count_files(path)
    if there > named:
        notes.append(
            f"{path} holds {counted(there, 'file that may be an image', 'files that may be images')}, and {layout}'s "
            f"tables name {named}: "
            "what no table names is not listed"
        )
    return replace(listing, notes=(*notes, *listing.notes))


def _listing(path: Path, options: SourceOptions) -> Listing:
    layout = options.layout or (Layout.CSV if is_table(path) else Layout.FOLDER)
    return replace(_as(layout, path, options), layout=layout)


def _as(layout: Layout, path: Path, options: SourceOptions) -> Listing:
    if options.split_table is not None and layout is not Layout.MIMIC:
        raise UsageError(
            f"a table of splits goes with the layout mimic alone, and not with {layout}: "
            "write `layout: mimic`, or leave `splits` out"
        )
    if layout in {Layout.FOLDER, Layout.CSV} and (options.splits or options.all_views):
        raise UsageError(
            f"`splits` and `views` go with the layout of a data set, and not with {layout}: "
            "name the data set by `layout`, or leave them out"
        )
    if layout is Layout.FOLDER:
        return _folder(path, options)
    _check_columns(layout, options)
    if layout is not Layout.CSV and path.is_file():
        raise UsageError(
            f"{path} is a file, and the layout {layout} is read from the root of the data set: give that folder, or "
            "leave `layout` (--layout) out, if it is a list of your own"
        )
    return _with_patients(_LISTS[layout](path, options), options)


def _check_columns(layout: Layout, options: SourceOptions) -> None:
    known = {"image", "patient_id", "label"}
    if layout is Layout.CSV and (unknown := sorted(set(options.columns) - known)):
        raise UsageError(f"`columns` may name {', '.join(sorted(known))}, and not {', '.join(unknown)}: correct it")


def _folder(path: Path, options: SourceOptions) -> Listing:
    if options.columns:
        raise UsageError(
            f"`columns` go with a table, and {path} is a folder: leave them out, or list the images in a table"
        )
    files, told = list_told(path)
    notes = list(told)
    if options.patients is PatientRule.EACH_IMAGE:
        kind = "folder" if path.is_dir() else "file of arrays"
        notes.append(f"a {kind} names no patients: each image without a DICOM PatientID counts as another patient's")
    return Listing(files, tuple(notes))


def _with_patients(listing: Listing, options: SourceOptions) -> Listing:
    """The listing itself; a data set's images without a patient are refused where patients are required."""
    without = [file for file in listing.files if not is_patient(file.patient_id)]
    if without and options.patients is PatientRule.REQUIRED:
        raise UsageError(
            f"{counted(len(without), 'image has', 'images have')} no patient, the first is {without[0].image_id}; fill "
            "them in, or write `every_image_is_a_patient: true` (--every-image-is-a-patient), if every image is of "
            "another patient"
        )
    if not without:
        return listing
    files = (file if is_patient(file.patient_id) else replace(file, patient_id=file.image_id) for file in listing.files)
    return replace(listing, files=tuple(files))
