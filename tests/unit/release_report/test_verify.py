"""One changed byte anywhere: the report does not hold, and what changed has a name."""

import json
import random
import shutil
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from support.released_set import COVERAGE, ReleaseSet

from cxrgate.certification import create_signing_key, read_public_key, sign
from cxrgate.core import UsageError
from cxrgate.core.digest import file_digest
from cxrgate.release_report.changes import differences


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    made = ReleaseSet(tmp_path_factory.mktemp("made")).make()
    made.write()
    return made


@pytest.fixture
def release(made, tmp_path):
    return made.copy(tmp_path)


def named(found):
    return [change.part for change in found.changes]


def test_all_of_it_holds(made):
    found = made.verify()

    assert (found.changes, found.unchecked) == ([], [])
    assert found.checked == [
        "signature of the report",
        "released files",
        "recorded results",
        "certificate",
        "decisions",
        "files of the audit",
        "figures",
        "signer",
        "that the page is this report's",
    ]


def test_what_was_not_given_is_told_as_not_checked(made):
    found = made.verify(audit=None, coverage=None, certificate=None)
    nothing = made.verify(results=None)

    assert found.changes == []
    assert [what.split(":")[0] for what in found.unchecked] == [
        "the certificate's own file",
        "figures of the audit",
        "coverage",
    ]
    assert nothing.checked == ["signature of the report", "released files", "that the page is this report's"]
    assert nothing.unchecked == ["figures and certificate: no results of the run were given"]


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("at most 5.0 %", "at most 1.0 %", "claims > 2"),
        ('"by": "signing"', '"by": "another"', "report > signature"),
        ('"expected": 0.35', '"expected": 0.01', "expected_leaks > false_flags > expected"),
        ('"misses": 2', '"misses": 0', "audit > leaks > 1 > misses"),
        ('"borderline": 0.4', '"borderline": 0.3', "run > policy > borderline"),
        ('"upper": 0.0123', '"upper": 0.0023', "certificate > statement > certified > 1 > upper"),
        ('"not_anonymous": 2', '"not_anonymous": 9', "counts > classes > 2 > not_anonymous"),
        ('"enrolled": 28', '"enrolled": 30', "coverage > enrolled"),
        ('"most_released": 2', '"most_released": 1', "audit > worst_patients > 1 > most_released"),
        ('"policy_digest"', '"policy_digess"', "run > policy_digest"),
        ('"b/plain.png"', '"b/plaim.png"', "released > b/plain.png"),
    ],
)
def test_a_changed_field_of_the_report_is_named(release, old, new, part):
    release.edit(release.report, old, new)
    names = named(release.verify())

    assert names[0] == "report > signature"
    assert any(name.endswith(part) for name in names)


def test_a_changed_signature_is_named(release):
    text = release.report.read_text()
    place = text.index('"signature": "') + len('"signature": "')
    release.report.write_text(text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :])

    assert named(release.verify()) == ["report > signature", "release-report.html"]


def test_another_layout_of_the_same_statement_is_named_by_its_place(release):
    release.edit(release.report, '"reporter": ', '"reporter":  ')

    assert named(release.verify()) == ["report > statement > reporter", "release-report.html"]


def test_another_signer_is_named(release, tmp_path):
    key = read_public_key(create_signing_key(tmp_path / "other"))

    assert named(release.verify(key=key)) == ["report > signature", "report > statement > signed > key"]


FILES = {
    "out/release-report.json": "report",
    "out/released/a/clear.png": "released > a/clear.png",
    "out/released/manifest.json": "released > manifest.json",
    "out/results/results.parquet": "results > results.parquet",
    "out/results/results.csv": "results > results.csv",
    "out/results/evidence.parquet": "results > evidence.parquet",
    "out/results/run.json": "results > run.json",
    "certificate.json": "certificate.json",
    "audit/audit.json": "audit > audit.json",
    "audit/cases.parquet": "audit > cases.parquet",
}


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_is_named_wherever_it_stands(made, tmp_path, name):
    content = (made.folder / name).read_bytes()
    rng = random.Random(name)
    places = {0, len(content) // 2, len(content) - 1, *rng.sample(range(len(content)), 3)}
    release = made.copy(tmp_path)
    for place in sorted(places):
        other = bytes([content[place] ^ (1 << rng.randrange(8))])
        (release.folder / name).write_bytes(content[:place] + other + content[place + 1 :])

        names = named(release.verify())
        assert any(part.startswith(FILES[name]) for part in names), (place, other, names)


def test_a_page_in_other_words_is_no_change_and_one_of_another_report_is(release):
    page = release.report.with_suffix(".html")
    release.edit(page, "<h2", '<h2 class="another style"')
    same = release.verify()
    page.write_text(page.read_text().replace(file_digest(release.report), "0" * 64))

    assert same.changes == []
    assert named(release.verify()) == ["release-report.html"]


def test_a_report_of_a_later_format_is_said_to_be_that(release):
    release.edit(release.report, '"format": 2', '"format": 3')
    found = release.verify()

    assert named(found)[:2] == ["report > signature", "report > statement > format"]
    assert "a later one" in found.changes[-1].told


def test_a_signature_before_the_end_of_the_run_and_another_key_s_name_are_named(release):
    statement = {**json.loads(release.report.read_text())["statement"]}
    statement["signed"] = {**statement["signed"], "key": "0" * 64, "at": "2026-11-28T11:01:59+00:00"}
    release.report.write_bytes(sign(statement, release.key))
    release.report.with_suffix(".html").unlink()

    assert named(release.verify()) == ["report > statement > signed > key", "report > statement > signed > at"]


def test_what_a_library_rounds_otherwise_is_no_change(release):
    statement = json.loads(release.report.read_text())["statement"]
    statement["audit"]["leaks"][0]["at_most"] *= 1 + 1e-13
    release.report.write_bytes(sign(statement, release.key))
    release.report.with_suffix(".html").unlink()

    assert release.verify().changes == []


@pytest.mark.parametrize("how", ["missing", "foreign"])
def test_a_file_too_few_or_too_many_is_named(release, how):
    folder = release.output / "released"
    if how == "missing":
        (folder / "a/near.png").unlink()
    else:
        shutil.copy(folder / "a/near.png", folder / "a/more.png")

    assert f"released > a/{'near' if how == 'missing' else 'more'}.png" in named(release.verify())


def test_a_changed_row_of_the_results_is_named_by_image_and_column(release):
    path = release.output / "results/results.parquet"
    table = pd.read_parquet(path)
    table.loc[1, "score"] = 0.05
    table.to_parquet(path, index=False)
    names = named(release.verify())

    assert "results > results.parquet" in names
    assert "results, row 2, a/near.png > score" in names
    assert "results, a/near.png > score" in names
    assert any(name.startswith("report > statement > histograms") for name in names)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('"upper": 0.0123', '"upper": 0.0122', "certificate.json > statement > certified > 1 > upper"),
        (
            '"score_threshold": 0.5',
            '"score_threshold": 0.4',
            "certificate.json > statement > binding > score_threshold",
        ),
        ('"signature": "', '"signature": "00', "certificate.json > signature"),
        ('"format": 1', '"format":  1', "certificate.json > statement > format"),
    ],
)
def test_a_changed_field_of_the_certificate_is_named(release, old, new, part):
    release.edit(release.certificate, old, new)

    assert named(release.verify()) == [part]


def test_an_expired_certificate_does_not_hold(tmp_path):
    release = ReleaseSet(tmp_path).make(expires=datetime.now(UTC) - timedelta(days=1))
    release.write()
    (change,) = release.verify().changes

    assert change.part == "certificate.json"
    assert "expired" in change.told


def test_a_certificate_of_another_signer_does_not_hold(release, tmp_path):
    key = read_public_key(create_signing_key(tmp_path / "other"))
    (change,) = release.verify(certification_key=key).changes

    assert change.part == "certificate.json"


def test_coverage_is_counted_again_where_the_manifest_is_given(release):
    coverage = type(COVERAGE)(**{**COVERAGE.to_json(), "enrolled": 20})

    assert "report > statement > coverage > enrolled" in named(release.verify(coverage=coverage))


def test_coverage_that_compared_more_pixels_than_lie_here_is_said_not_to_be_checked(release):
    statement = json.loads(release.report.read_text())["statement"]
    statement["coverage"]["compared"] = 28
    statement["claims"].pop()
    release.report.write_bytes(sign(statement, release.key))
    release.report.with_suffix(".html").unlink()
    found = release.verify()

    assert found.changes == []
    assert found.unchecked[0].startswith("coverage: fewer of the images")


def test_no_report_is_wrong_usage(release):
    release.report.unlink()

    with pytest.raises(UsageError, match="no release report"):
        release.verify()


@pytest.mark.parametrize(
    ("expected", "got", "parts"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 1.0}, ["x > a"]),
        ({"a": True}, {"a": 1}, ["x > a"]),
        ({"a": [1, 2]}, {"a": [1, 3]}, ["x > a > 2"]),
        ({"a": [1, 2]}, {"a": [1]}, ["x > a"]),
        ({"a": None}, {}, ["x > a"]),
        ({}, {"b": {"c": 1}}, ["x > b"]),
        ("text", "texts", ["x"]),
    ],
)
def test_differences_lead_to_each_leaf(expected, got, parts):
    assert [change.part for change in differences(expected, got, "x")] == parts
