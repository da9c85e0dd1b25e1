"""Whether a run's output proves itself.

An image is released only with a complete chain of evidence for exactly its pixels, models, snapshot, thresholds and
certificate mode; and what was listed is answered once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cxrgate.verify_run.bindings import CertificateFile, changed_certification, changed_policy, is_uncertified
from cxrgate.verify_run.configured import Configured, changed_configuration
from cxrgate.verify_run.decisions import changed_decisions
from cxrgate.verify_run.journal import NAME, RecordedJournal, read_journal
from cxrgate.verify_run.published import changed_manifest
from cxrgate.verify_run.recorded import changed_record
from cxrgate.verify_run.records import RELEASED, RESULTS, Records, read_records
from cxrgate.verify_run.released import Proven, changed_files
from cxrgate.verify_run.review import Review, read_review
from cxrgate.verify_run.spreadsheets import changed_spreadsheets
from cxrgate.verify_run.tables import changed_rows, shared_names
from cxrgate.verify_run.violation import Kind, Violation

_PASSED = "ANONYMOUS"
_ANSWER = ("decision", "reasons", "pixel_digest", "released_as")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known from outside of the output folder.

    Attributes:
        listed: ids of all images that were to be checked; None where the list is not at hand.
        review: the reviewers' log.
        storage_key: that the journal is sealed with.
        certificate: of the gate.
        configured: what its configuration requires of a run; None where that is not at hand.
    """

    listed: Collection[str] | None = None
    review: Path | None = None
    storage_key: bytes | None = field(default=None, repr=False)
    certificate: CertificateFile | None = None
    configured: Configured | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of it.

    `images` have an answer, `released` files are in the set (None where none is published), and `unchecked` says what
    was not looked at.
    """

    violations: tuple[Violation, ...]
    images: int
    released: int | None
    unchecked: tuple[str, ...] = ()


def verify_run(output: Path, known: Known | None = None) -> Verified:
    """Check everything that a run left in its output folder.

    A run that was stopped has no set yet, or one of before: its journal is checked, and nothing counts as missing.

    Raises:
        StorageError: the journal is sealed with another key.
    """
    known = known or Known()
    journal, broken = read_journal(output, known.storage_key)
    records, missing = read_records(output)
    review = read_review(known.review, int((records.manifest or {}).get("withheld", 0)))
    found = [*broken, *missing, *_twice(journal), *review.violations]
    if records.run:
        policy = records.run.get("policy", {})
        found += [each for batch in journal.batches for each in changed_decisions(batch, policy)]
    if records.manifest is not None:
        found += [*changed_policy(records, journal.run), *changed_certification(records, known.certificate)]
        found += [*changed_record(records, journal.run), *changed_manifest(records, journal.run)]
        if known.configured is not None and records.run:
            found += changed_configuration(records, known.configured)
        found += [*changed_spreadsheets(output, records)]
        found += [*changed_rows(journal, records), *shared_names(records), *_unanswered(records, known.listed)]
        found += [*_changed_set(output, journal, records, review)]
    images = len({row["image_id"] for row in journal.rows})
    released = None if records.manifest is None else len(records.files)
    return Verified(tuple(found), images, released, tuple(_unchecked(records, known, review)))


def _twice(journal: RecordedJournal) -> Iterator[Violation]:
    counts = Counter(row["image_id"] for row in journal.rows)
    for image, count in counts.items():
        if count > 1:
            yield Violation(Kind.ANSWERED_TWICE, image, f"the journal has {count} rows of it")
    answers = defaultdict(set)
    for batch in journal.batches:
        for row in batch.results:
            if not row["stage"]:
                answers[row["image_id"]].add(tuple(row[name] for name in _ANSWER))
    for image, different in answers.items():
        if len(different) > 1:
            yield Violation(Kind.ANSWERED_TWICE, image, f"the journal decides on it in {len(different)} ways")


def _unanswered(records: Records, listed: Collection[str] | None) -> Iterator[Violation]:
    answered = {row["image_id"] for row in records.results}
    if listed is None:
        count = records.run.get("synthetic", {}).get("images")
        if count != len(answered):
            yield Violation(Kind.NOT_ANSWERED, RESULTS, f"{count} images were listed, {len(answered)} have a row")
        return
    for image in sorted(set(listed) - answered):
        yield Violation(Kind.NOT_ANSWERED, image, "is listed, and has no row")
    for image in sorted(answered - set(listed)):
        yield Violation(Kind.NOT_LISTED, image, "has a row, and is not listed")


def _changed_set(output: Path, journal: RecordedJournal, records: Records, review: Review) -> Iterator[Violation]:
    hashes, pixels = defaultdict(set), defaultdict(set)
    for batch in journal.batches:
        for name, sha256 in batch.released.items():
            hashes[name].add(sha256)
        for row in batch.results:
            if row["decision"] == _PASSED:
                pixels[row["released_as"]].add(row["pixel_digest"])
    yield from changed_files(output / RELEASED, records.files, Proven(hashes, pixels, journal.run.get("encoder")))
    yield from _changed_passes(records, review)


def _changed_passes(records: Records, review: Review) -> Iterator[Violation]:
    passed = {row["released_as"]: row for row in records.results if row["decision"] == _PASSED}
    for name in sorted(records.files.keys() - passed.keys()):
        yield Violation(Kind.RELEASED_UNPROVEN, name, "no image of the results passed under that name")
    policy = str(records.run.get("policy_digest"))
    withheld = {name for name, row in passed.items() if review.holds(row, policy)}
    unpublished = sorted(passed.keys() - records.files.keys() - withheld)
    # Without the reviewers' log nobody knows which images they withheld, but the manifest says how many.
    if len(unpublished) != (0 if review.withheld is not None else int((records.manifest or {}).get("withheld", 0))):
        for name in unpublished:
            yield Violation(Kind.NOT_PUBLISHED, name, "passed, and is not in the set")
    for name in sorted(withheld & records.files.keys()):
        yield Violation(Kind.WITHHELD_PUBLISHED, name, "a reviewer withheld it")


def _unchecked(records: Records, known: Known, review: Review) -> Iterator[str]:
    if records.manifest is None:
        yield "a released set: none is published"
        return
    if known.listed is None:
        yield "which images were listed, only how many: no configuration was given"
    if known.certificate is None and not is_uncertified(records):
        yield "the certificate: it and the key of whoever certifies were not given"
    if known.configured is not None and known.configured.snapshot is None:
        yield "whether it was the configuration's snapshot: there is none that can be read"
    yield from _unresolved(known.configured)
    if review.unchecked:
        yield review.unchecked
    if not records.run:
        yield f"decisions: run.json has no policy, and {NAME} none either"


def _unresolved(configured: Configured | None) -> Iterator[str]:
    """Numbers of the rule that nothing at hand says."""
    if configured is not None and configured.resolved is None:
        yield "numbers of the rule that its configuration does not name: its snapshot's measurement is not at hand"
    elif configured is not None and "band" not in (configured.resolved or ()):
        yield "numbers of the rule that models have: the snapshot's are not where the configuration says"
