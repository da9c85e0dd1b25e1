"""What the reviewers' log withholds, read independently of the code that publishes without it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxrgate.core import UsageError
from cxrgate.hashlog import head_path, read_known_lines
from cxrgate.verify_run.violation import Kind, Violation

_WITHHELD = "image_withheld"


@dataclass(frozen=True, slots=True)
class Review:
    """Digests of the pixels that were withheld; None where nobody knows them, as there is no log that holds.

    `sources` are digests of the bytes of their files, and `names` holds, by the id of an image, how it was judged when
    it was withheld: the policy's digest, and how it was decoded, "" in events of before, which do not say it.
    """

    withheld: frozenset[str] | None
    violations: tuple[Violation, ...] = ()
    unchecked: str | None = None
    names: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    sources: frozenset[str] = frozenset()

    def holds(self, row: Mapping[str, Any], policy: str) -> bool:
        """Whether the image of a row stays away: by pixels or file, or by its name as withheld when judged otherwise.

        Judged otherwise, under another `release.side`, say, or float_range, the same image has other pixels. Events of
        before do not say by which float_range: they are of images of another kind than those that have one.
        """
        decoding = str(row.get("decoding") or "")
        same = {decoding} if "float_range" in decoding else {decoding, ""}
        by_name = any(under != policy or how not in same for under, how in self.names.get(row["image_id"], ()))
        by_file = str(row.get("source_digest")) in self.sources
        return by_name or by_file or row["pixel_digest"] in (self.withheld or ())


def read_review(log: Path | None, published_without: int) -> Review:
    """Read the log.

    Args:
        log: None where it was not given.
        published_without: how many images stay away from the set, as its manifest says.
    """
    if log is None:
        told = "which images reviewers withheld, only how many: their log was not given" if published_without else None
        return Review(None, unchecked=told)
    if not log.exists() and not head_path(log).exists():
        broken = f"there is no log at {log}, and the manifest says that {published_without} images were withheld"
        violations = (Violation(Kind.REVIEW_BROKEN, str(log), broken),) if published_without else ()
        return Review(None, violations, f"which images reviewers withheld: there is no log at {log}")
    try:
        lines = [line.content for line in read_known_lines(log) if line.content["event"] == _WITHHELD]
        names: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        for line in lines:
            judged = str(line.get("policy_digest")), str(line.get("decoding") or "")
            names[str(line.get("image_id", ""))].add(judged)
        by_name = {image: frozenset(judged) for image, judged in names.items()}
        sources = frozenset(str(line["source_digest"]) for line in lines if line.get("source_digest"))
        return Review(frozenset(str(line["pixel_digest"]) for line in lines), names=by_name, sources=sources)
    except KeyError:
        told = "a line withholds an image and does not say which"
    except UsageError as error:
        told = str(error)
    return Review(None, (Violation(Kind.REVIEW_BROKEN, str(log), told),))
