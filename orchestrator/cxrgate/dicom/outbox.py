"""Where released images go: one file each, named after what is in it, and not before the log names it.

NAME.prepared    whole and on the disk, no released file yet
NAME             from when the log's line with this name and sha256 is on the disk

What lies on a disk may change there: only bytes of the sha256 that the log names are released.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cxrgate.core import CxrgateError, GreyImage
from cxrgate.core.digest import bytes_digest, file_digest
from cxrgate.dicom.encode import encode_dicom
from cxrgate.dicom.out_format import OutFormat
from cxrgate.images.codec.encode import encode_png
from cxrgate.storage import PARTIAL, make_folder, sync, write_durably

PREPARED = ".prepared"


class ReleaseDamaged(CxrgateError):
    """What was prepared has other bytes now: it is not released, and the image is judged and written again."""

    code = "DATA_LOSS"
    reason = "RELEASE_DAMAGED"


@dataclass(frozen=True, slots=True)
class OutFile:
    """A file's name in the outbox and the sha256 of its content."""

    name: str
    sha256: str


class Outbox:
    """A folder of released images. Writing one again changes nothing: names and bytes follow from the pixels."""

    def __init__(self, folder: Path, kind: OutFormat, queue: Path | None = None) -> None:
        """Make the folder; what a crash left half written goes, what it left prepared stays.

        Args:
            folder: of the released images.
            kind: what they are written as.
            queue: folder in which name and sha256 are noted before a release, for a Forwarder; None without one.
        """
        make_folder(folder)
        if queue is not None:
            make_folder(queue)
        for leftover in folder.glob(f"*{PARTIAL}"):
            leftover.unlink()
        self._folder, self._kind, self._queue = folder, kind, queue

    def prepare(self, image: GreyImage) -> OutFile:
        """Bring the very pixels that were checked to the disk, not released yet."""
        if self._kind is OutFormat.PNG:
            name, content = f"{image.digest}.png", encode_png(image.pixels)
        else:
            uid, content = encode_dicom(image.pixels)
            name = f"{uid}.dcm"
        write_durably(self._prepared(name), content)
        return OutFile(name, bytes_digest(content))

    def release(self, file: OutFile) -> None:
        """Release what was prepared as this file; the log has it. When this returns it is on the disk.

        Raises:
            ReleaseDamaged: it has other bytes than those that were prepared.
        """
        path, prepared = self._folder / file.name, self._prepared(file.name)
        try:
            found = file_digest(prepared)
        except FileNotFoundError:
            found = file_digest(path)  # equal pixels came twice at once: the other one brought them
        if found != file.sha256:
            raise ReleaseDamaged(f"{prepared} is not what was written there: it is made again; check the disk")
        self.note(file)
        try:
            prepared.replace(path)
        except FileNotFoundError:
            if not path.exists():
                raise
        sync(self._folder)

    def holds(self, file: OutFile) -> bool:
        """Whether this file is released, with these bytes."""
        try:
            return file_digest(self._folder / file.name) == file.sha256
        except FileNotFoundError:
            return False

    def note(self, file: OutFile) -> None:
        """Queue a file for the Forwarder, where there is one, with the sha256 of what it may send."""
        if self._queue is not None:
            write_durably(self._queue / file.name, file.sha256.encode())

    def unnoted(self) -> set[str]:
        """Names that an older version queued without a sha256."""
        if self._queue is None:
            return set()
        return {path.name for path in self._queue.iterdir() if path.suffix != PARTIAL and not path.stat().st_size}

    def prepared(self) -> set[OutFile]:
        """What is prepared and not released: where nothing is in work, what a crash left."""
        paths = self._folder.glob(f"*{PREPARED}")
        return {OutFile(path.name.removesuffix(PREPARED), file_digest(path)) for path in paths}

    def discard(self, file: OutFile) -> None:
        """Remove what was prepared and is not to be released."""
        self._prepared(file.name).unlink(missing_ok=True)

    def _prepared(self, name: str) -> Path:
        return self._folder / f"{name}{PREPARED}"
