"""The filter as an object: opened once, asked often, closed."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from cxrgate.core import Decision, Policy, UsageError
from cxrgate.core.progress import Progress, Tell, silent, untold
from cxrgate.core.shipped import SHIPPED
from cxrgate.filter.asking import ask
from cxrgate.filter.background import BackgroundLoop
from cxrgate.filter.gallery import Gallery
from cxrgate.filter.given import Given, Range, expect_several, read_given
from cxrgate.filter.verdict import Verdict, make_verdict
from cxrgate.filter.verdicts import Verdicts
from cxrgate.gate.config import GateConfig, make_section
from cxrgate.gate.workers import WorkerChoice

if TYPE_CHECKING:
    from cxrgate.filter.opening import Opened

Path_ = str | os.PathLike[str]


class Filter:
    """The gate over one snapshot in this process, with its models and decode workers.

    Use it as a context manager, or call `close`; a script that ends closes it. Calls block, and work where an event
    loop is running, as in Jupyter, and from several threads.
    """

    def __init__(self, loop: BackgroundLoop, config: GateConfig, opened: Opened) -> None:
        """Take over what `open` or `enrol` opened."""
        self._loop, self._config = loop, config
        self._gate, self._references, self._snapshot = opened.gate, opened.references, opened.snapshot
        self._closing = weakref.finalize(self, loop.close)

    @classmethod
    def open(
        cls,
        snapshot: Path_,
        *,
        models: Path_ = SHIPPED,
        policy: Mapping[str, Any] | None = None,
        release: Mapping[str, Any] | None = None,
        reference_map: Path_ | None = None,
        batch_size: int = 16,
        workers: WorkerChoice = "auto",
        device: str = "cpu",
        storage_key: Path_ | None = None,
        certification_key: Path_ | None = None,
    ) -> Self:
        """Open the filter over a snapshot that `cxrgate index build` or a run with `enrol` made.

        Args:
            snapshot: its folder.
            models: folder of the model folders retrieval, verification and copy that it was built with; without it
                those that cxrgate comes with.
            policy: keys of `policy:` in a configuration, such as {"false_flags": 0.01}; without it the default rule.
            release: keys of `release:` in a configuration, such as {"side": 512}: larger images are made smaller
                before they are judged, and released so.
            reference_map: the table from opaque ids to real files that enrolment wrote; the gallery shows references
                only with it.
            batch_size: images that go through the models together.
            workers: decode workers; "auto": as many as this machine's cores and memory are good for.
            device: "cpu", or for example "cuda" where the extra `torch` is installed.
            storage_key: the key that the snapshot is sealed with.
            certification_key: the public key of whoever certifies: nothing is checked then without a current
                certificate beside the snapshot.

        Raises:
            UsageError: an argument is out of range, or the extra `gate` is not installed.
            CxrgateError: the models, the snapshot or the certificate cannot be used; see core.errors.
        """
        values = {
            "snapshot": Path(snapshot),
            "models": _store(models),
            "policy": dict(policy or {}),
            "release": dict(release or {}),
            "batch_size": batch_size,
            "workers": workers,
            "device": device,
            "storage_key": storage_key,
            "certification": "none" if certification_key is None else "required",
            "certification_key": certification_key,
        }
        config = make_section(values, GateConfig, "Filter.open")
        with _extra_named():
            from cxrgate.filter.opening import open_here  # noqa: PLC0415 - what computes

            return cls._started(config, open_here(config, None if reference_map is None else Path(reference_map)))

    @classmethod
    def enrol(
        cls,
        images: Any,
        *,
        patients: Mapping[str, Any] | Iterable[Any] | None = None,
        float_range: Range | None = None,
        models: Path_ = SHIPPED,
        listing: Mapping[str, Any] | None = None,
        policy: Mapping[str, Any] | None = None,
        release: Mapping[str, Any] | None = None,
        batch_size: int = 16,
        workers: WorkerChoice = "auto",
        device: str = "cpu",
        storage_key: Path_ | None = None,
        progress: Progress = silent,
        tell: Tell = untold,
    ) -> Self:
        """Enrol real images and open the filter over them; the snapshot is kept in the user's cache for the next time.

        Nothing is enrolled again while images, names, patients and models are the same. An enrolment that was stopped
        goes on where it was.

        Args:
            images: the path of a folder of images, of a list with the columns image and patient_id, of a data set's
                root or of a snapshot, which is taken as it is; or images in memory, as for `check`. Of those the
                cache keeps descriptors alone; until the filter is closed they lie as files in a temporary folder.
            patients: whose each image in memory is: values in the images' order, or a mapping from the images' names.
            float_range: what floats call black and white, as for `check`.
            models: as for `open`.
            listing: keys of `enrol:` in a configuration, such as {"layout": "nih"} or
                {"every_image_is_a_patient": True}, which a folder without patients needs.
            policy: as for `open`.
            release: as for `open`.
            batch_size: images that go through the models together.
            workers: as for `open`.
            device: as for `open`.
            storage_key: the key of a snapshot that was given and is sealed.
            progress: called with "headers", "read", "look" and "enrol", images done now and images in all.
            tell: called with how the list was understood.

        Raises:
            UsageError: as `open`; or the list or an image in memory cannot be read, an image has no patient, or
                a storage key was given for what is no sealed snapshot.
            EnrolmentError: images could not be enrolled; a file names every one.
        """
        named = isinstance(images, str | os.PathLike)
        if named and patients is not None:
            raise UsageError("`patients` go with images in memory: a list names them in its column patient_id")
        values = {
            "snapshot": Path(images) if named else Path(),
            "models": _store(models),
            "policy": dict(policy or {}),
            "release": dict(release or {}),
            "batch_size": batch_size,
            "workers": workers,
            "device": device,
            "storage_key": storage_key,
        }
        config, keys = make_section(values, GateConfig, "Filter.enrol"), dict(listing or {})
        with _extra_named():
            from cxrgate.filter.opening import enrol_held, enrol_here  # noqa: PLC0415 - what computes

            if not named:
                held = enrol_held(config, images, patients, float_range, keys, progress, tell)
                return cls._started(config, held)
            if float_range is not None:
                keys["float_range"] = float_range
            return cls._started(config, enrol_here(config, keys, progress, tell))

    @classmethod
    def _started(cls, config: GateConfig, opening: AbstractAsyncContextManager[Opened]) -> Self:
        loop = BackgroundLoop()
        try:
            opened = loop.run(loop.stack.enter_async_context(opening))
        except BaseException:
            loop.close()
            raise
        return cls(loop, config, opened)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "open" if self._closing.alive else "closed"
        return f"Filter({str(self._snapshot)!r}, {self.policy.references} references, {state})"

    def close(self) -> None:
        """End the decode workers and let go of the models. Closing twice does nothing."""
        self._closing()

    @property
    def policy(self) -> Policy:
        """The rule in force: thresholds, references, digests."""
        return self._gate.policy

    @property
    def certification(self) -> str:
        """The sha256 of the certificate in force, or "uncertified"."""
        return self._gate.certification

    def check(
        self,
        images: Any,
        *,
        float_range: Range | None = None,
        return_images: bool = False,
        previews: bool = True,
        progress: Progress = silent,
    ) -> Verdicts:
        """Check images: one verdict each, in their order; an image that cannot be read is INDETERMINATE.

        Args:
            images: an iterable, or a mapping from names, of paths, encoded bytes, Pillow images, arrays or tensors
                [height, width], [height, width, c] or [c, height, width] with c 1 or 3, uint8 or floats; one array
                [n, ...] of such; or the path of a folder, list or .npz of images. An iterator is read as it goes.
                A Pillow image that was opened and not read yet is decoded by Pillow in this process: give the path
                of a file that nobody trusts.
            float_range: what floats call black and white, such as (-1, 1); without it 0 and 1 for arrays and tensors,
                and none for arrays in files, which are refused then. Values outside are refused.
            return_images: give each released image as a PNG of the very pixels that were judged.
            previews: keep a small picture of each image for the gallery, about 15 kB.
            progress: called with "check", images done now and images in all, which is 0 for an iterator.

        Raises:
            UsageError: one image was given instead of several, a folder that cannot be listed, or the filter is closed.
            CertificateError: the certificate is over.
            SnapshotCorrupt: somebody changed the references meanwhile; believe none of the verdicts.
        """
        total = len(images) if hasattr(images, "__len__") and not isinstance(images, str) else 0
        stream = self.stream(images, float_range=float_range, return_images=return_images, previews=previews)
        verdicts = []
        for verdict in stream:
            verdicts.append(verdict)
            progress("check", 1, total)
        return Verdicts(verdicts)

    def stream(
        self,
        images: Any,
        *,
        float_range: Range | None = None,
        return_images: bool = False,
        previews: bool = False,
    ) -> Iterator[Verdict]:
        """The verdicts one after another, as soon as they are there; arguments and errors as `check`.

        A few batches of images are read ahead of the verdicts, from a thread. Close the iterator, or use it up.
        """
        if not isinstance(images, str | os.PathLike | Mapping):
            expect_several(images)
        return self._verdicts(read_given(images, float_range), return_images=return_images, previews=previews)

    def gallery(self, verdicts: Iterable[Verdict], limit: int = 24) -> Gallery:
        """The first `limit` of the verdicts as pairs of image and nearest reference, which Jupyter shows.

        The references are read from their files where they lie: `open` needs the reference map for that.

        Raises:
            UsageError: the filter is closed.
        """
        shown = [verdict for verdict, _ in zip(verdicts, range(limit), strict=False)]
        paths = [None if verdict.nearest is None else verdict.nearest.path for verdict in shown]
        from cxrgate.filter.opening import reference_previews  # noqa: PLC0415 - what computes

        return Gallery(shown, self._loop.run(reference_previews(self._gate.decoder, paths)))

    def for_generator(self) -> Any:
        """This filter for `cxrgate.client.generate_until`, which asks a gate about one image after another."""
        from cxrgate.filter.generator import GeneratorGate  # noqa: PLC0415 - loads gRPC

        return GeneratorGate(self)

    def _verdicts(self, given: Iterator[Given], *, return_images: bool, previews: bool) -> Iterator[Verdict]:
        from cxrgate.filter.opening import encoded, preview  # noqa: PLC0415 - what computes

        for item, checked in ask(self._loop, self._gate, given, self._config.batch_size):
            image = checked.image
            keep = return_images and checked.outcome.decision is Decision.ANONYMOUS
            yield make_verdict(
                item,
                checked,
                self.policy,
                self._references,
                png=encoded(image) if keep and image is not None else None,
                preview=preview(image) if previews and image is not None else b"",
            )


def _store(models: Path_) -> Path_:
    return SHIPPED if models == SHIPPED else Path(models)


@contextmanager
def _extra_named() -> Iterator[None]:
    """UsageError that names the extra where a package is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if str(error.name).startswith("cxrgate"):
            raise
        raise UsageError(
            f"cxrgate.filter needs the extra `gate` ({error.name} is missing): pip install 'cxrgate[gate]'"
        ) from error
