"""What patient ids of a list say, beside what they are: one person in two spellings, or one word for many persons.

Ids count as they are written. Whether 7 and 007 are one person nobody but the user knows, so it is said, and no more.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from cxrgate.images.sources.counted import images
from cxrgate.images.sources.files import ImageFile

MOST = 10
"""Images from which it is said that one patient has more than half of them."""
_PLACEHOLDERS = frozenset(
    {
        "anonymous", "anonymized", "anonymised", "anonym", "anon", "unknown", "unk", "missing", "undefined",
        "unavailable", "not available", "redacted", "removed", "deidentified", "de-identified", "-", "--", ".", "?",
        "x", "xx", "xxx",
    }
)  # fmt: skip
"""What stands where an id was taken out, compared without case: a person may be called so, several cannot be."""
_SHOWN = 3
_INVISIBLE = frozenset({"Cf", "Cc"})
_DIGITS = 12
"""Of a number that is filled up with zeros, at most."""
_ZEROS = re.compile(r"^(\D*)0+(?=\d)")
_POINT_ZERO = re.compile(r"^([^.]*\d)\.0+$")
_GAP = re.compile(r"(?<=[^\W\d_])[\s_-]+(?=\d)")
"""Between letters and the number behind them."""
_NUMBERED = re.compile(r"([^\W\d_]*)(\d+)")


def plain_id(patient_id: str) -> str:
    """The id without what programs change in ids: the same for spellings that may be one person's."""
    text = unicodedata.normalize("NFKC", patient_id).casefold()
    text = "".join(letter for letter in text if unicodedata.category(letter) not in _INVISIBLE)
    text = _GAP.sub("", " ".join(text.split()))
    return _ZEROS.sub(r"\1", _POINT_ZERO.sub(r"\1", text))


def unicode_forms(patient_id: str) -> set[str]:
    """The id in both forms that Unicode calls equal, and as it is written."""
    return {patient_id, *(unicodedata.normalize(form, patient_id) for form in ("NFC", "NFD"))}


def other_spellings(patient_id: str) -> set[str]:
    """Spellings of an id that may be the same person's: such as programs and people write, not all there are."""
    plain = plain_id(patient_id)
    stems = {plain}
    if found := _NUMBERED.fullmatch(plain):
        letters, number = found.groups()
        gaps = ("", " ", "-", "_") if letters else ("",)
        stems = {f"{letters}{gap}{number.zfill(n)}{end}" for gap in gaps for n in range(_DIGITS) for end in ("", ".0")}
    cased = {change(stem) for stem in stems for change in (str.lower, str.upper, str.title)}
    return {form for spelling in cased for form in unicode_forms(spelling)} - unicode_forms(patient_id)


def with_one_form(files: Sequence[ImageFile]) -> Sequence[ImageFile]:
    """The files; of ids that Unicode calls equal all are written as the first one."""
    first: dict[str, str] = {}
    other: dict[str, str] = {}
    for patient in dict.fromkeys(file.patient_id for file in _named(files)):
        form = first.setdefault(unicodedata.normalize("NFC", patient), patient)
        if form != patient:
            other[patient] = form
    if not other:
        return files
    return tuple(
        replace(file, patient_id=other[file.patient_id])
        if file.patient_id != file.image_id and file.patient_id in other
        else file
        for file in files
    )


def notes_on_patients(files: Sequence[ImageFile]) -> tuple[str, ...]:
    """What the user should look at: ids that may be one person's, and an id that may be several persons'."""
    return (*_spellings(files), *_of_several(files))


def _named(files: Iterable[ImageFile]) -> Iterator[ImageFile]:
    """Those that have a patient beside themselves."""
    return (file for file in files if file.patient_id != file.image_id)


def _spellings(files: Sequence[ImageFile]) -> Iterator[str]:
    first: dict[str, str] = {}
    for file in _named(files):
        first.setdefault(file.patient_id, file.image_id)
    groups: dict[str, list[str]] = {}
    for patient in first:
        groups.setdefault(plain_id(patient), []).append(patient)
    alike = [group for group in groups.values() if len(group) > 1]
    if alike:
        told = "; ".join(" and ".join(f"{one!r} ({first[one]})" for one in group[:2]) for group in alike[:_SHOWN])
        yield (
            f"{sum(map(len, alike)):,} patient ids differ from another one in case, spaces, hyphens, leading zeros, "
            f".0, the Unicode form or invisible characters alone, such as {told}. Each counts as a patient: where two "
            "are one person, write one id in the list, for a leak of a patient under two ids may pass"
        )


def _of_several(files: Sequence[ImageFile]) -> Iterator[str]:
    counts = Counter(file.patient_id for file in _named(files))
    for patient, count in counts.most_common():
        stands_for_nobody = patient.strip().casefold() in _PLACEHOLDERS and count > 1
        if stands_for_nobody or (count >= MOST and 2 * count > len(files)):
            yield (
                f"{count:,} of {images(len(files))} are of the patient {patient!r}. If that is several persons, write "
                "the true patients in a list, for thresholds are measured as if they were one, and leaks may pass"
            )
