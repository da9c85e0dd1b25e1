"""Patients of a folder of DICOM files, from their headers; read in the sandbox, as all that comes in DICOM."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

from cxrgate.core import Failure, ImageError, ImageRecord, MediaType, Stage, UsageError
from cxrgate.core.counted import counted
from cxrgate.core.progress import Progress
from cxrgate.gate.config import Enrol
from cxrgate.gate.ordered import batched, ordered_map
from cxrgate.images import ImageFile, Listing
from cxrgate.images.codec.dicom.patient import HEADER_BYTES, MARK_END, DicomPatient, is_dicom, read_patient
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.images.sources.csv_list import is_patient
from cxrgate.images.sources.regular import FileUnreachable, read_start
from cxrgate.run.failed_names import write_failed_names
from cxrgate.run.host_fault import HostFault, told

_RASTERS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".npy", ".npz", ".jp2")
_BATCH, _WINDOW = 32, 4
_NO_PATIENT = "INVALID_ARGUMENT", "NO_PATIENT", "the header has no PatientID that can be read"


def with_dicom_patients(listing: Listing, settings: Enrol, workers: int, progress: Progress) -> Listing:
    """The listing of a folder, its DICOM files under their PatientID.

    Args:
        listing: every image as its own patient.
        settings: whether an image without a patient is another patient's, and where names that fail are written.
        workers: processes that read headers.
        progress: called with "headers", files done now and in all.

    Raises:
        UsageError: some DICOM files have a PatientID, others none, and the settings do not say what that means; the
            names are in the file of failed_names.
        HostFault: the host fails to read one of them, or its header.
    """
    suspects = [file for file in listing.files if not file.image_id.lower().endswith(_RASTERS)]
    dicoms = [file for file in suspects if file.declared is MediaType.DICOM or is_dicom(_start(file, MARK_END))]
    if not dicoms:
        return listing
    found = asyncio.run(_patients(dicoms, workers, progress))
    patients = {name: patient for name, patient in found.items() if is_patient(patient)}
    without = [file.image_id for file in dicoms if file.image_id not in patients]
    if without and patients and not settings.every_image_is_a_patient:
        path = write_failed_names(settings, [Failure(name, Stage.READ, *_NO_PATIENT) for name in without])
        verb = "has" if len(without) == 1 else "have"
        raise UsageError(
            f"{len(without)} of {len(dicoms)} DICOM files {verb} no PatientID that can be read, the first is "
            f"{without[0]}; every name is in {path}. List the images with their patients in a table, leave these out "
            f"by `exclude: {path}` (--exclude {path}; copies of images that are left out pass), or write "
            "`every_image_is_a_patient: true` (--every-image-is-a-patient), if each image without one is of another "
            "patient"
        )
    if not patients:
        none = counted(len(dicoms), "DICOM file has", "DICOM files have")
        return replace(listing, notes=(*listing.notes, f"{none} no PatientID that can be read"))
    files = tuple(replace(file, patient_id=patients.get(file.image_id, file.patient_id)) for file in listing.files)
    whose = counted(len(set(patients.values())), "patient")
    one, more = f"DICOM file is of {whose} by its PatientID", f"DICOM files are of {whose} by their PatientID"
    note = counted(len(patients), one, more)
    return replace(listing, files=files, notes=(*listing.notes, note))


def _start(file: ImageFile, size: int) -> bytes:
    try:
        return read_start(file.path, size)
    except FileUnreachable as error:
        # It may be read later, and would be enrolled as another patient's then.
        raise HostFault(f"{file.path} cannot be read now. Mend that and start again") from error
    except ImageError:
        return b""  # told by name when it is decoded


async def _patients(dicoms: Sequence[ImageFile], workers: int, progress: Progress) -> Mapping[str, str]:
    """PatientID by image id."""

    async def records() -> AsyncIterator[ImageRecord]:
        for file in dicoms:
            yield ImageRecord(file.image_id, _start(file, HEADER_BYTES), declared=MediaType.DICOM)

    # The sandbox gives back what its function gives, here no image.
    with SandboxedDecoder(workers, read_patient) as sandbox:  # type: ignore[arg-type]
        found: dict[str, str] = {}
        async for batch in ordered_map(sandbox.decode, batched(records(), _BATCH), _WINDOW):
            for item in cast("Sequence[DicomPatient | Failure]", batch):
                if isinstance(item, Failure) and item.is_host_fault:
                    raise HostFault(f"no header can be read now: {told([item])}. Mend that and start again")
                found[item.image_id] = "" if isinstance(item, Failure) else item.patient_id
            progress("headers", len(batch), len(dicoms))
    return found
