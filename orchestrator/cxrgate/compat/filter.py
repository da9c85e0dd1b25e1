"""Step 4, anonymization-pipeline's filter_dataset: verification_results.csv to the filtered data set."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from cxrgate.certification import UNCERTIFIED
from cxrgate.compat.config import PipelineConfig
from cxrgate.compat.decoding import batches, decode_files, each
from cxrgate.compat.describe import Progress
from cxrgate.compat.private import check_same, read_origin
from cxrgate.compat.search import NOTED
from cxrgate.compat.step import Options
from cxrgate.compat.tables import Score, read_scores
from cxrgate.core import Candidates, Decision, Evidence, Failure, GreyImage, Policy
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.gate.ordered import ordered_map
from cxrgate.gate.pipeline import WINDOW
from cxrgate.images import ImageFile, Layout
from cxrgate.images.codec.encode import encode_png
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.run.enrol import list_images
from cxrgate.run.names import release_names
from cxrgate.run.release import MANIFEST, publish, stage


@dataclass(frozen=True, slots=True)
class Filtered:
    """What became of each synthetic image, by its name below the data set; `borderline` are among the released."""

    decisions: Mapping[str, Decision]
    borderline: Sequence[str]

    def count(self, decision: Decision) -> int:
        """How many images have that decision."""
        return sum(value is decision for value in self.decisions.values())


def filter_dataset(config: PipelineConfig, options: Options) -> Filtered:
    """Publish the images whose score is below 0.5, encoded anew, class folders kept; what lay there before is gone.

    Every file of the synthetic data set is decided on. One without a score, with NaN as its score, that cannot be
    read, or whose pixels are not those that were searched and verified, is INDETERMINATE and not released.

    Raises:
        MismatchError: verification_results.csv was changed since `cxrgate verify` wrote it, or an earlier step was
            run anew since.
        CxrgateError: see read_scores, read_origin and list_images.
    """
    origin = read_origin(config.verification_output, "verify", [*NOTED, "nearest_images", "verification"])
    check_same(config.lookup_table_output, origin["lookup_table"], "search")
    check_same(config.nearest_images_output, origin["nearest_images"], "verify")
    files, folder = list_images(config.anonymous_dataset_path, Layout.FOLDER), config.filtered_dataset_output
    job = _Filter(
        policy=seed_policy(origin),
        scores=read_scores(config.verification_output),
        pixels=origin["pixels"],
        folder=folder,
        names=dict(zip((file.image_id for file in files), release_names(files, folder, [MANIFEST]), strict=True)),
    )
    try:
        asyncio.run(job.judge(files, options.workers, options.progress("filter", len(files))))
        return job.publish()
    finally:
        shutil.rmtree(job.staged, ignore_errors=True)


def seed_policy(origin: Mapping[str, Any]) -> Policy:
    """The paper's rule: one candidate, 0.5, and neither a cosine space nor typicality."""
    unsearched: Any = {space.threshold: None for space in COSINE_SPACES}
    return Policy(
        candidates=1,
        score_threshold=0.5,
        borderline=0.4,
        **unsearched,
        minimum_typicality=-1,
        references=origin["references"],
        snapshot=origin["lookup_table"],
        retrieval=origin["retrieval"],
        verification=origin["verification"],
    )


@dataclass(slots=True)
class _Filter:
    policy: Policy
    scores: Mapping[str, Score]
    pixels: Mapping[str, str]
    folder: Path
    names: Mapping[str, str]
    decisions: dict[str, Decision] = field(default_factory=dict)
    borderline: list[str] = field(default_factory=list)
    released: dict[str, str] = field(default_factory=dict)

    @property
    def staged(self) -> Path:
        """Images that will be released, until all are decided on."""
        return self.folder.with_name(self.folder.name + ".staged")

    async def judge(self, files: Sequence[ImageFile], workers: int, progress: Progress) -> None:
        """Decode each file again, decide on it, and stage it where it may be released."""
        shutil.rmtree(self.staged, ignore_errors=True)
        with SandboxedDecoder(workers) as decoder:
            stream = ordered_map(lambda part: decode_files(part, decoder), each(batches(files)), WINDOW)
            remaining = iter(files)
            async with aclosing(stream):
                async for part in stream:
                    for image in part:
                        await asyncio.to_thread(self._judge, next(remaining), image)
                    progress(len(part))

    def _judge(self, file: ImageFile, image: GreyImage | Failure) -> None:
        name, score = file.image_id, self.scores.get(str(file.path))
        decision = Decision.INDETERMINATE
        if isinstance(image, GreyImage) and score and self.pixels.get(str(file.path)) == image.digest:
            verdict = self.policy.decide(_evidence(name, score), image.digest)
            decision = verdict.decision
            if decision is Decision.ANONYMOUS:
                self.released[self.names[name]] = stage(self.staged, self.names[name], encode_png(image.pixels))
            if verdict.borderline:
                self.borderline.append(name)
        self.decisions[name] = decision

    def publish(self) -> Filtered:
        """Make the folder the released images and their manifest."""
        result = Filtered(self.decisions, self.borderline)
        about = {
            "cxrgate": version("cxrgate"),
            "certification": UNCERTIFIED,
            "policy": self.policy.digest,
            "checked": len(self.decisions),
            "decisions": {name.value: result.count(name) for name in sorted(set(self.decisions.values()))},
        }
        publish(self.staged, self.folder, self.released, about)
        return result


def _evidence(image_id: str, score: Score) -> Evidence:
    """A score as the policy takes it. Distances and similarities do not decide here: neutral values stand."""
    none = np.zeros(1)
    cosines = {space.name: none for space in COSINE_SPACES}
    candidates = Candidates(image_id, ("nearest",), ("nearest",), none, cosines, np.zeros((1, 1), np.float32), 0.0)
    return Evidence(candidates, np.array([score.score]))
