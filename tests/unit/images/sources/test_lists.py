"""Lists as spreadsheets and other programs write them."""

import gzip
import unicodedata

import pytest

from cxrgate.core import UsageError
from cxrgate.images import Layout, PatientRule, SourceOptions, read_listing
from cxrgate.images.sources.tables import read_columns

NAMES = [f"real/{i}.png" for i in range(4)]
PATIENTS = ["007", "7", "012", "012"]
ROWS = list(zip(NAMES, PATIENTS, strict=True))
REQUIRED = SourceOptions(patients=PatientRule.REQUIRED)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "real").mkdir()
    for name in NAMES:
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def write(path, rows=ROWS, head=("image", "patient_id"), sep=",", end="\n", encoding="utf-8"):
    content = (end.join(sep.join(row) for row in [head, *rows]) + end).encode(encoding)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def facts(listing):
    return [(file.image_id, file.patient_id) for file in listing.files]


@pytest.mark.parametrize(
    ("name", "how", "note"),
    [
        ("plain.csv", {}, ""),
        ("bom-crlf.csv", {"end": "\r\n", "encoding": "utf-8-sig"}, ""),
        ("semicolon.csv", {"sep": ";", "end": "\r\n"}, ""),
        ("tab.tsv", {"sep": "\t"}, ""),
        ("tab.csv", {"sep": "\t"}, ""),
        ("plain.csv.gz", {}, ""),
        ("tab.tsv.gz", {"sep": "\t"}, ""),
        ("quoted.csv", {"rows": [(f'"{n}"', f'"{p}"') for n, p in ROWS], "head": ('"image"', '"patient_id"')}, ""),
        ("backslash.csv", {"rows": [(n.replace("/", "\\"), p) for n, p in ROWS]}, "names read with / for \\: 4"),
        ("spaces.csv", {"rows": [(n, f" {p}") for n, p in ROWS], "head": ("image", " patient_id")}, ""),
        ("dotslash.csv", {"rows": [(f"./{n}", p) for n, p in ROWS]}, ""),
        ("index.csv", {"rows": [(n[5], n, p) for n, p in ROWS], "head": ("", "image", "patient_id")}, ""),
        ("commas.csv", {"rows": [*ROWS, ("", "")]}, "commas.csv: empty rows passed over: 1"),
        ("lines.csv", {"rows": [*ROWS, ("",)]}, ""),
        ("case.csv", {"head": ("Image", "PatientID")}, "case.csv: the column PatientID is taken as patient_id"),
        ("spaced.csv", {"head": ("image", "Patient ID")}, "spaced.csv: the column Patient ID is taken as patient_id"),
        ("hyphen.csv", {"head": ("image", "patient-id")}, "hyphen.csv: the column patient-id is taken as patient_id"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value and ":" not in value else "",
)
def test_every_way_to_write_a_list_names_the_same_images(folder, name, how, note):
    listing = read_listing(write(folder / name, **how), REQUIRED)

    assert facts(listing) == ROWS
    assert note in listing.notes or not note
    assert all(file.path.is_file() for file in listing.files)


def test_a_comment_above_the_header_is_passed_over_and_said(folder):
    path = write(folder / "list.csv")
    path.write_text("# made by export\n" + path.read_text())

    listing = read_listing(path, REQUIRED)

    assert facts(listing) == ROWS
    assert listing.notes == ("list.csv: lines above the header passed over: 1",)


@pytest.mark.parametrize(
    ("disk", "listed", "encoding"), [("NFD", "NFC", "utf-8"), ("NFC", "NFD", "utf-8"), ("NFD", "NFC", "latin-1")]
)
def test_a_name_is_found_in_its_other_unicode_form(folder, disk, listed, encoding):
    (folder / "real" / unicodedata.normalize(disk, "Müller.png")).write_bytes(b"x")
    name = "real/" + unicodedata.normalize(listed, "Müller.png")

    listing = read_listing(write(folder / "list.csv", [*ROWS, (name, "9")], encoding=encoding), REQUIRED)

    assert listing.files[-1].path.is_file()
    assert listing.files[-1].image_id == name
    assert "names found on the disk in their other Unicode form: 1" in listing.notes
    assert (encoding == "latin-1") == ("list.csv: it is not UTF-8 and was read as Windows-1252" in listing.notes)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*ROWS, ROWS[0]], r"twice are real/0\.png \(lines 2 and 6\)$"),
        ([*ROWS, ("./real/0.png", "99")], r"twice are real/0\.png \(lines 2 and 6\), of the patients 007 and 99$"),
        ([*ROWS, ("real\\0.png", "99")], r"twice are real/0\.png \(lines 2 and 6\)"),
        ([("real/Mu\u0308.png", "1"), ("real/M\u00fc.png", "2")], r"lines 2 and 3"),
        ([("D:\\data\\real\\0.png", "1")], "'D:"),
        ([("\\\\server\\share\\0.png", "1")], "below it"),
        ([("/data/real/0.png", "1")], "'/data"),
        ([("../04/real/0.png", "1")], "below it"),
        ([("real/..\\..\\0.png", "1")], "below it"),
        ([(name, "nan") for name in NAMES], r"4 images .*lines 2, 3, 4, 5; nan, None, NULL and NA"),
        ([*ROWS, ("real/9.png", "")], r"1 image .*lines 6"),
        ([*ROWS, ("real/9.png", "NULL"), ("real/8.png", "None"), ("real/7.png", "NA")], "3 images "),
    ],
)
def test_what_cannot_be_meant_is_refused_and_named(folder, rows, message):
    with pytest.raises(UsageError, match=message):
        read_listing(write(folder / "list.csv", rows), REQUIRED)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            ("image", "subject_id"),
            r"image, subject_id\. Write `columns: \{patient_id: subject_id\}`.* --column patient_id=subject_id",
        ),
        (("image", "deid_patient_id"), r"`columns: \{patient_id: deid_patient_id\}`"),
        (("image", "label"), "column patient_id, but found image, label"),
        (("path", "subject_id"), r"`columns: \{image: path, patient_id: subject_id\}`"),
        (("this", "that"), r"column image; found this, that\. .* `columns: \{image: NAME\}`.* --column image=NAME"),
        (
            ("image", "that"),
            r"no column patient_id, .* --column patient_id=NAME .*; or .* \(--every-image",
        ),
    ],
)
def test_a_missing_column_is_refused_with_the_line_to_write(folder, head, message):
    with pytest.raises(UsageError, match=message):
        read_listing(write(folder / "list.csv", head=head), REQUIRED)


def test_of_two_spellings_of_a_column_it_is_told_which_one_is_taken(folder):
    rows = [(name, patient, "one") for name, patient in ROWS]

    listing = read_listing(write(folder / "list.csv", rows, ("image", "patient_id", "PatientID")), REQUIRED)

    assert facts(listing) == ROWS
    assert "list.csv: the column patient_id is taken, and not PatientID beside it" in listing.notes


@pytest.mark.parametrize("columns", [{"patient_id": "image"}, {"image": "image", "patient_id": "image"}])
def test_the_column_of_images_is_none_of_patients(folder, columns):
    with pytest.raises(UsageError, match=r"the column image is taken for image and for patient_id: .*--every-image"):
        read_listing(write(folder / "list.csv"), SourceOptions(columns=columns))


@pytest.mark.parametrize("layout", sorted(set(Layout) - {Layout.FOLDER, Layout.CSV}), ids=str)
def test_a_list_is_no_root_of_a_data_set(folder, layout):
    with pytest.raises(UsageError, match=rf"list\.csv is a file, and the layout {layout} is read from the root"):
        read_listing(write(folder / "list.csv"), SourceOptions(layout=layout))


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (("image", "patient_id", "patient_id"), r"list\.csv .* patient_id \(column 2\), patient_id \(column 3\)"),
        (("image", "PatientID", "Patient ID"), r"list\.csv .* PatientID \(column 2\), Patient ID \(column 3\)"),
        (("image", "PatientID", "PatientID"), r"may be patient_id: PatientID \(column 2\), PatientID \(column 3\)"),
        (("image", "patient_id", "image"), r"may be image: image \(column 1\), image \(column 3\)"),
    ],
)
@pytest.mark.parametrize("rule", [PatientRule.REQUIRED, PatientRule.EACH_IMAGE])
def test_a_column_that_is_there_twice_is_refused_with_its_places(folder, head, message, rule):
    path = write(folder / "list.csv", [(name, patient, "one") for name, patient in ROWS], head=head)

    with pytest.raises(UsageError, match=message):
        read_listing(path, SourceOptions(patients=rule))


def test_paths_that_leave_the_lists_folder_are_named_by_line_with_the_way_to_mend_them(folder):
    rows = [*ROWS[:2], *((rf"\\nas01\pacs\{i}.png", "7") for i in range(7))]

    with pytest.raises(UsageError) as caught:
        read_listing(write(folder / "list.csv", rows), REQUIRED)

    said = str(caught.value)
    assert said.startswith(f"{folder / 'list.csv'}: 7 images are not named by a path relative to the list's folder")
    assert f"line 4 {rows[2][0]!r}, line 5 " in said
    assert "line 8 " in said
    assert "line 9" not in said
    assert " and 2 more. Put the list beside the images or above them, and cut from each path what leads to" in said


def test_a_column_that_is_there_twice_under_a_given_name_is_refused(folder):
    path = write(folder / "list.csv", [(n, p, "x") for n, p in ROWS], head=("image", "who", "who"))

    with pytest.raises(UsageError, match=r"may be patient_id: who \(column 2\), who \(column 3\)"):
        read_listing(path, SourceOptions(columns={"patient_id": "who"}))


def test_a_repeated_column_that_nobody_asks_for_changes_nothing(folder):
    path = write(folder / "list.csv", [(n, p, "x", "") for n, p in ROWS], head=("image", "patient_id", "", ""))

    assert facts(read_listing(path, REQUIRED)) == ROWS


def test_columns_are_taken_under_the_names_that_are_given(folder):
    path = write(folder / "list.csv", head=("path", "subject_id"))
    options = SourceOptions(columns={"image": "path", "patient_id": "subject_id"}, patients=PatientRule.REQUIRED)

    assert facts(read_listing(path, options)) == ROWS
    with pytest.raises(UsageError, match="no column subject, which `columns` names; found path, subject_id"):
        read_listing(path, SourceOptions(columns={"image": "path", "patient_id": "subject"}))


def test_every_image_is_its_own_patient_only_by_an_explicit_word(folder):
    path = write(folder / "list.csv", [(name,) for name in NAMES], head=("image",))

    with pytest.raises(UsageError, match="every_image_is_a_patient: true"):
        read_listing(path, REQUIRED)

    listing = read_listing(path, SourceOptions(patients=PatientRule.EACH_IMAGE))
    assert facts(listing) == [(name, name) for name in NAMES]
    assert listing.notes == ("list.csv: 4 images without a patient, each counted as another patient's",)


def test_numbers_stay_as_they_are_written(folder):
    rows = [(name, f"{i}.0") for i, name in enumerate(NAMES)]

    assert facts(read_listing(write(folder / "list.csv", rows), REQUIRED)) == rows


def test_excels_unicode_text_is_refused_by_name(folder):
    with pytest.raises(UsageError, match="UTF-16"):
        read_listing(write(folder / "list.csv", sep="\t", encoding="utf-16"), REQUIRED)


def test_a_separator_that_a_line_for_excel_names_is_taken(folder):
    for line, sep in (("sep=;", ";"), ('"sep=|"', "|"), ("SEP=\t", "\t")):
        path = write(folder / "list.csv", sep=sep)
        path.write_text(f"{line}\n" + path.read_text())

        assert facts(read_listing(path, REQUIRED)) == ROWS


@pytest.mark.parametrize("separator", [" ", "a", '"', "", "\x0b", "\u2028"])
def test_a_separator_that_separates_nothing_is_no_line_for_excel(folder, separator):
    path = write(folder / "list.csv")
    path.write_text(f"sep={separator}\n" + path.read_text(), encoding="utf-8")

    with pytest.raises(UsageError, match=r"list\.csv"):
        read_listing(path, REQUIRED)


@pytest.mark.parametrize("first", [("real/0.png", "7"), ("x/gone.PNG", "7"), ("real/noending", "7")])
@pytest.mark.parametrize("columns", [{}, {"image": "path"}])
def test_a_list_without_a_header_row_is_told_so(folder, first, columns):
    (folder / "real/noending").write_bytes(b"x")

    with pytest.raises(UsageError, match=rf"list\.csv has no header row: its first row names the image {first[0]}\."):
        read_listing(write(folder / "list.csv", ROWS, head=first), SourceOptions(columns=columns))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"image\n", b"\x00\x01\x02"])
def test_what_is_no_list_is_refused(folder, content):
    (folder / "list.csv").write_bytes(content)

    with pytest.raises(UsageError, match=r"list\.csv"):
        read_listing(folder / "list.csv", REQUIRED)


def test_a_row_of_another_length_is_refused_with_its_line(folder):
    with pytest.raises(UsageError, match="line 3: 3 fields"):
        read_listing(write(folder / "list.csv", [ROWS[0], (*ROWS[1], "more")]), REQUIRED)


def test_a_folder_has_no_patients_and_says_so(folder):
    listing = read_listing(folder / "real", SourceOptions(patients=PatientRule.EACH_IMAGE))

    assert [file.patient_id for file in listing.files] == ["0.png", "1.png", "2.png", "3.png"]
    assert "a folder names no patients" in listing.notes[0]


def test_a_gzipped_list_that_inflates_beyond_its_limit_is_refused(folder, monkeypatch):
    monkeypatch.setattr("cxrgate.images.sources.table_text._BYTES", 2**20)
    path = folder / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"image\n" + b"a" * 2**22))
    with pytest.raises(UsageError, match=r"bomb\.csv\.gz.*more than 1048576 bytes"):
        read_listing(path, SourceOptions())


def test_a_list_that_is_missing_or_a_folder_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "folder.csv").mkdir()

    for name, message in (("none.csv", "there is no such file"), ("folder.csv", "it is a folder")):
        with pytest.raises(UsageError, match=message) as caught:
            read_columns(tmp_path / name, ("image",))
        assert "Errno" not in str(caught.value)
