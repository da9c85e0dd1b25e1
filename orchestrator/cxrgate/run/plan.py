"""What a run will do, known and looked at before anything is embedded; and the snapshot, opened or built first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cxrgate.core.progress import Progress, Tell
from cxrgate.gate.config import RunConfig
from cxrgate.gate.dtypes import DtypeRule
from cxrgate.gate.local import LocalModels
from cxrgate.gate.opening import Services
from cxrgate.images import ImageFile
from cxrgate.index import Snapshot, ensure_key
from cxrgate.models.devices import expect_device
from cxrgate.run.engines.engine import EmbedJob, Engine
from cxrgate.run.enrol import enrol_listed, list_synthetic
from cxrgate.run.enrolment_list import EnrolmentList, list_enrolment
from cxrgate.run.first_look import first_look
from cxrgate.run.held import Held, hold
from cxrgate.run.places import check_run_places


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do.

    Attributes:
        files: images to check.
        held: what the snapshot that is there was held against; None where there is none, or no list.
        listed: images to enrol; None where there is a snapshot.
        seconds: that decoding takes per image; 0 where nothing was decoded.
    """

    files: Sequence[ImageFile]
    held: Held | None
    listed: EnrolmentList | None
    seconds: float


def prepare(config: RunConfig, services: Services, progress: Progress, tell: Tell, *, every: bool = False) -> Plan:
    """Look where everything lies, list it, hold the snapshot against its list, and take the first look.

    Args:
        config: of the run.
        services: where models and index answer.
        progress: called with "headers", "compare" and "look", images done now and in all.
        tell: called with what was found.
        every: decode all images at the first look.

    Raises:
        CxrgateError: see check_run_places, expect_device, list_synthetic, list_enrolment, hold and first_look.
    """
    check_run_places(config)
    if services.models is None:
        expect_device(config.device)
    synthetic = list_synthetic(config)
    for sentence in synthetic.sentences:
        tell(f"to check: {sentence}")
    files = synthetic.files
    here = services.index is None
    held = hold_existing(config, progress) if here else None
    listed = list_to_enrol(config, progress) if here and held is None else None
    for sentence in [held.sentence] if held else listed.sentences if listed else []:
        tell(sentence)
    seconds = first_look(config, files, listed, progress, tell, every=every)
    return Plan(files, held, listed, seconds)


def hold_existing(config: RunConfig, progress: Progress, listed: EnrolmentList | None = None) -> Held | None:
    """The configured snapshot held against its list; None where there is no snapshot yet, or no list. See hold."""
    if config.enrol is None or not config.snapshot.exists():
        return None
    snapshot = Snapshot.open(config.snapshot, config.read_storage_key())
    return hold(config.enrol, snapshot, config.decode_workers, progress, listed)


def list_to_enrol(config: RunConfig, progress: Progress) -> EnrolmentList | None:
    """What is to be enrolled; None where there is a snapshot already, or no list."""
    if config.enrol is None or config.snapshot.exists():
        return None
    return list_enrolment(config.enrol, config.decode_workers, progress)


def open_or_enrol(
    config: RunConfig,
    models: LocalModels,
    progress: Progress,
    listed: EnrolmentList | None = None,
    engine: Engine | None = None,
) -> Snapshot:
    """The snapshot, built first where the configuration says from what; `listed` where that is known already."""
    if config.snapshot.exists() or config.enrol is None:
        return Snapshot.open(config.snapshot, config.read_storage_key())
    ensure_key(config.enrol.key)
    keypoints = config.policy.match_threshold is not None
    job = EmbedJob(config.folders, config.device, DtypeRule.of(config), config.workers, keypoints)
    return enrol_listed(
        config.enrol,
        listed or list_enrolment(config.enrol, config.decode_workers, progress),
        config.snapshot,
        models,
        progress,
        workers=config.decode_workers,
        storage_key=config.read_storage_key(),
        embedding=None if engine is None else engine.embedding(job),
        keypoints=keypoints,
    )
