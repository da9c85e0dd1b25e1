"""Tables as people have them: CSV with any of the usual separators, plain or gzipped, columns under other names."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images.sources.table_text import read_text

ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_SEPARATORS = (",", ";", "\t")
_NAMED_SEPARATOR = re.compile(r'"?sep=([^\w\s"]|\t)"?\s*', re.IGNORECASE)
"""The line with which Excel is told what separates."""
_IMAGES = (
    ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".jp2", ".dcm", ".dicom", ".ima", ".dic", ".npy", ".npz",
)  # fmt: skip
"""Endings that no column's name has."""
_LIKELY = {
    "image": (
        "path", "file", "filename", "imageid", "imageindex", "imagepath", "pathtoimage", "dicomid", "img", "imagefile",
        "imagename", "name", "filepath",
    ),
    "patient_id": (
        "subjectid", "deidpatientid", "patient", "subject", "pid", "mrn", "personid", "participantid", "caseid",
        "patientnumber", "patientnr", "patientname", "subject_id",
    ),
}  # fmt: skip
"""Per column, what other tables call it (see `_plain`): named to the user, never taken by itself."""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a table by column, each with the number of its line in the file, and what was noticed on reading."""

    path: Path
    header: tuple[str, ...]
    rows: list[dict[str, str]]
    lines: list[int]
    notes: list[str] = field(default_factory=list)


def is_table(path: Path) -> bool:
    """Whether the name says that it is a table."""
    return path.name.lower().endswith(ENDINGS)


def read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table that has `columns`; errors as read_columns."""
    return read_columns(path, columns).rows


def read_columns(
    path: Path, required: Sequence[str], optional: Sequence[str] = (), names: Mapping[str, str] | None = None
) -> Table:
    """Read a table with a header. Commas, semicolons and tabs separate, whichever gives the columns asked for.

    A column that differs in case, spaces, hyphens or underscores alone is taken, and that is noted. Spaces around
    values are cut, rows without any value are passed over.

    Args:
        path: plain or gzipped, UTF-8 or else Windows-1252, see read_text.
        required: columns that it must have.
        optional: columns that are taken under their own name where there are.
        names: per column, the name that it has in this table.

    Raises:
        UsageError: no such file, not a table, a column is missing or there twice, no row, or a row of another length.
    """
    text, notes = read_text(path)
    asked = dict.fromkeys([*required, *optional])
    header, records = _parse(path, text, [*asked, *(names or {}).values()], notes)
    taken = _columns(path, header, required, list(asked), names or {}, notes)
    rows, lines, empty = [], [], 0
    for line, fields in records:
        if not any(fields):
            empty += 1
            continue
        if len(fields) != len(header):
            raise UsageError(
                f"{path}, line {line}: {len(fields)} fields, where the header has {len(header)}: mend the row"
            )
        row = dict(zip(header, fields, strict=True))
        rows.append({**row, **{column: row[name] for column, name in taken.items()}})
        lines.append(line)
    if empty:
        notes.append(f"{path.name}: empty rows passed over: {empty}")
    if not rows:
        raise UsageError(f"{path} has no row below its header {', '.join(header)}")
    return Table(path, tuple(header), rows, lines, notes)


def has_columns(path: Path, columns: Sequence[str]) -> bool:
    """Whether it is a table whose header has all of `columns`, in whatever case; its rows are not looked at.

    Raises:
        UsageError: the file cannot be read.
    """
    text, notes = read_text(path)
    try:
        body, skipped, separator = _body(path, text, notes)
        separator = separator or _separator(path, body, columns)
        header = _records(path, _first_line(body), separator, skipped)[0][1]
    except UsageError:
        return False
    return {_plain(name) for name in columns} <= {_plain(name) for name in header}


def _parse(
    path: Path, text: str, wanted: Sequence[str], notes: list[str]
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header and the records with their lines, by the separator that gives most of the columns asked for."""
    body, skipped, separator = _body(path, text, notes)
    (_, header), *records = _records(path, body, separator or _separator(path, body, wanted), skipped)
    return header, records


def _body(path: Path, text: str, notes: list[str]) -> tuple[str, int, str]:
    """The text from the header on, how many lines lie above it, and the separator if one of them names it."""
    skipped, separator = 0, ""
    lines = text.splitlines(keepends=True)
    for line in lines:
        if named := _NAMED_SEPARATOR.fullmatch(line):
            separator = named[1]
        elif line.strip() and not line.startswith("#"):
            break
        skipped += 1
    if skipped:
        notes.append(f"{path.name}: lines above the header passed over: {skipped}")
    body = "".join(lines[skipped:])
    if not body or "\0" in body:
        raise UsageError(f"{path} is no CSV file with a header: it is {'empty' if not body else 'binary'}")
    return body, skipped, separator


def _separator(path: Path, body: str, wanted: Sequence[str]) -> str:
    known = {_plain(name) for name in wanted}

    def hits(separator: str) -> tuple[int, int]:
        try:
            found = _records(path, _first_line(body), separator, 0)[0][1]
        except UsageError:  # a quoted header is none under another separator
            return 0, 0
        return len({_plain(name) for name in found} & known), len(found)

    return max(_SEPARATORS, key=hits)


def _first_line(body: str) -> str:
    return body.splitlines(keepends=True)[0]


def _records(path: Path, text: str, separator: str, skipped: int) -> list[tuple[int, list[str]]]:
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
        return [(reader.line_num + skipped, [field.strip() for field in record]) for record in reader if record]
    except csv.Error as error:
        raise UsageError(f"{path} is no CSV file with a header that can be read: {error}") from error


def _columns(
    path: Path,
    header: Sequence[str],
    required: Sequence[str],
    asked: Sequence[str],
    names: Mapping[str, str],
    notes: list[str],
) -> dict[str, str]:
    """Per column the name that it has in the header; noted where that is not its own."""
    taken: dict[str, str] = {}
    for column in asked:
        if column in names:
            if names[column] not in header:
                _expect_header(path, header)
                raise UsageError(f"{path} has no column {names[column]}, which `columns` names; {_found(header)}")
            taken[column] = names[column]
        elif found := _spelt_otherwise(path, header, column, notes):
            taken[column] = found
        name = taken.get(column, column)
        if header.count(name) > 1:
            raise UsageError(_twice(path, header, column, [name]))
    missing = [column for column in required if column not in header and column not in taken]
    if missing:
        _expect_header(path, header)
        also = [column for column in asked if column not in header and column not in taken]
        raise UsageError(_missing(path, header, missing, also))
    if "image" in asked:
        _expect_patients_of_their_own(path, taken.get("image", "image"), taken.get("patient_id"))
    return taken


def _spelt_otherwise(path: Path, header: Sequence[str], column: str, notes: list[str]) -> str:
    """The name by which a column that is not there under its own is taken, "" for none; what is meant is noted."""
    same = [name for name in header if _plain(name) == _plain(column) and name != column]
    if not same:
        return ""
    if column in header:
        notes.append(f"{path.name}: the column {column} is taken, and not {', '.join(same)} beside it")
        return ""
    if len(same) > 1:
        raise UsageError(_twice(path, header, column, same))
    notes.append(f"{path.name}: the column {same[0]} is taken as {column}")
    return same[0]


def _expect_patients_of_their_own(path: Path, image: str, patient: str | None) -> None:
    """Raise UsageError where the column of images is taken for the patients: each image would be another patient's."""
    if image == patient:
        raise UsageError(
            f"{path}: the column {image} is taken for image and for patient_id: name another one for patient_id by "
            "`columns` (--column), or write `every_image_is_a_patient: true` (--every-image-is-a-patient), if that is "
            "meant"
        )


def _expect_header(path: Path, header: Sequence[str]) -> None:
    """Raise UsageError where the first row names an image, and no columns."""
    image = next((field for field in header if field.lower().endswith(_IMAGES) or _is_file(path.parent, field)), None)
    if image is not None:
        raise UsageError(
            f"{path} has no header row: its first row names the image {image}. Write a line above it with the names of "
            "its columns, such as image,patient_id"
        )


def _is_file(folder: Path, name: str) -> bool:
    try:
        return bool(name) and (folder / name).is_file()
    except OSError:  # longer than a name can be
        return False


def _twice(path: Path, header: Sequence[str], column: str, names: Sequence[str]) -> str:
    """Why nobody can say which of the columns is meant."""
    places = [f"{name} (column {number})" for number, name in enumerate(header, 1) if name in names]
    return (
        f"{path} has {len(places)} columns that may be {column}: {', '.join(places)}. Take all but one out, or "
        "rename them"
    )


def _missing(path: Path, header: Sequence[str], missing: Sequence[str], also: Sequence[str]) -> str:
    """What is missing, what is there, and what that looks like; `also` are all columns that were looked for."""
    noun = "column" if len(missing) == 1 else "columns"
    message = f"{path} has no {noun} {', '.join(missing)}; {_found(header)}"
    likely = {column: name for column in also for name in likely_names(header, column)[:1]}
    if likely:
        message += f". {columns_line(likely)}, if that is what it is"
    elif len(header) == 1:
        message += ". All of it is one column: separate by commas, semicolons or tabs"
    else:
        message += (
            f". Where one of these is it, write `columns: {{{missing[0]}: NAME}}` in the configuration, or "
            f"--column {missing[0]}=NAME on the command line; else rename it or add it"
        )
    return message


def likely_names(header: Sequence[str], column: str) -> list[str]:
    """Names in the header that other tables use for that column."""
    known = _LIKELY.get(column, ())
    return [name for name in header if _plain(name) in known]


def columns_line(names: Mapping[str, str]) -> str:
    """What to write so that columns are taken under other names, in a configuration and on a command line."""
    line = ", ".join(f"{column}: {name}" for column, name in names.items())
    options = " ".join(f"--column {_quoted(f'{column}={name}')}" for column, name in names.items())
    return f"Write `columns: {{{line}}}` in the configuration, or {options} on the command line"


def _quoted(text: str) -> str:
    return f"'{text}'" if " " in text else text


def _found(header: Sequence[str]) -> str:
    return f"found {', '.join(name or '(without a name)' for name in header)}"


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter not in " _-")
