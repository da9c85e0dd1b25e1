"""The errors that cxrgate raises.

    CxrgateError
    ├── UsageError            the caller asked for something that cannot be: configuration, arguments, data layout
    ├── ImageError            one image cannot be read; becomes a Failure, never stops a run
    ├── ModelError            a model folder or checkpoint is not what it should be
    ├── SnapshotError         a snapshot cannot be built, opened or trusted
    │   └── SnapshotCorrupt   its bytes differ from its manifest
    ├── StorageError          sealed data cannot be opened: no storage key, or another one
    │   └── StorageCorrupt    sealed data were changed
    ├── MismatchError         digests of models, preprocessing, index or policy do not fit together
    ├── CertificateError      a certificate is missing, forged, over, or of another gate; or a signed file was changed
    └── CallRefused           a caller of a service gets no answer, and is told why

Each class has the gRPC status name that a service answers with. `str(error)` may name local files and is for
the operator's terminal and log; what a remote caller sees is `code` and `reason`, and for images `message`.
"""

from __future__ import annotations

from cxrgate.core.types import Failure, Stage


class CxrgateError(Exception):
    """Base of all."""

    code = "INTERNAL"
    reason = "INTERNAL"


class UsageError(CxrgateError):
    """The configuration, an argument or a data layout is not what was expected."""

    code = "INVALID_ARGUMENT"
    reason = "USAGE"


class ImageError(CxrgateError):
    """One image cannot be used. The message holds no path, no tag value and no library's text."""

    code = "INVALID_ARGUMENT"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type[ImageError], tuple[str, str]]:
        """Pickle both arguments: the error crosses from the decode workers."""
        return (type(self), (self.reason, self.message))

    def failure(self, image_id: str, stage: Stage) -> Failure:
        """The error as the outcome of one image."""
        return Failure(image_id, stage, self.code, self.reason, self.message)


class ModelError(CxrgateError):
    """A model folder or a checkpoint does not have the expected layout, shapes or digest."""

    code = "FAILED_PRECONDITION"
    reason = "MODEL_INVALID"


class SnapshotError(CxrgateError):
    """A snapshot cannot be built or opened."""

    code = "FAILED_PRECONDITION"
    reason = "SNAPSHOT_INVALID"


class SnapshotCorrupt(SnapshotError):
    """A snapshot's bytes are not those that its manifest names."""

    code = "DATA_LOSS"
    reason = "SNAPSHOT_CORRUPT"


class StorageError(CxrgateError):
    """Sealed data cannot be opened with the storage key at hand."""

    code = "FAILED_PRECONDITION"
    reason = "STORAGE_KEY"


class StorageCorrupt(StorageError):
    """Sealed data are not what was written."""

    code = "DATA_LOSS"
    reason = "STORAGE_CORRUPT"


class MismatchError(CxrgateError):
    """Models, preprocessing, snapshot and policy do not belong together."""

    code = "FAILED_PRECONDITION"
    reason = "VERSION_MISMATCH"


class CertificateError(CxrgateError):
    """A certificate that is required is missing, changed, over, or of another gate; the message says what differs."""

    code = "FAILED_PRECONDITION"
    reason = "CERTIFICATE_INVALID"


class CallRefused(CxrgateError):
    """A call gets no answer. `message` is safe to show; `retry_seconds` says when another try makes sense, if ever."""

    def __init__(self, code: str, reason: str, message: str, retry_seconds: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_seconds = retry_seconds
