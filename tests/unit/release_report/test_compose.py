import asyncio
import json
from dataclasses import replace

import pandas as pd
import pytest
from support.released_set import COVERAGE, ReleaseSet, audit_cases
from support.report_shelf import StandoutBundle
from support.run_results import policy

from cxrgate.certification import key_digest, read_public_key, read_signed
from cxrgate.core import CertificateError, MismatchError, UsageError
from cxrgate.core.digest import file_digest
from cxrgate.hashlog import HashLog
from cxrgate.planted.classes.catalogue import GENERATED
from cxrgate.release_report.compose import make_statement
from cxrgate.release_report.decided_again import decide_again
from cxrgate.release_report.formats.one.leaks import worst_patients
from cxrgate.release_report.page import render_page
from cxrgate.run.recorded import read_results
from cxrgate.run.withheld import WITHHELD, withdraw_withheld

BY = {"by": "signing", "key": "cd" * 32, "at": "2026-11-28T12:30:00+00:00"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    made = ReleaseSet(tmp_path_factory.mktemp("certified")).make()
    made.write()
    return made


@pytest.fixture(scope="module")
def uncertified(tmp_path_factory):
    made = ReleaseSet(tmp_path_factory.mktemp("uncertified"), certified=False).make()
    made.write()
    return made


def statement(made):
    return read_signed(made.report.read_bytes(), read_public_key(made.folder / "signing.pub"), "report")


def test_equal_records_give_equal_bytes(made):
    files = [made.report, made.report.with_suffix(".html")]
    before = [file.read_bytes() for file in files]
    made.write()

    assert [file.read_bytes() for file in files] == before


def test_it_says_what_is_promised_and_what_is_only_measured(made):
    claims = statement(made)["claims"]

    promised = (
        "Promised of strongly degraded copies (turned by 4°, cropped, lighter or darker, 192 pixels, JPEG quality 60): "
        "at most 5.0 % pass; 1 of 400 patients were missed."
    )
    measured = (
        "Only measured (certificate), nothing is promised: another radiograph of the same patient, at most 90.0 % "
        "pass; each with 95 % confidence by itself."
    )
    assert claims[1:5] == [
        promised,
        "All that is promised holds together with 95 % confidence, for patients like those of the calibration.",
        measured,
        "Nothing is promised of any other leak.",
    ]
    assert (
        "Only measured (audit), nothing is promised: strongly degraded copies, at most 90.3 % pass; each with 95 % "
        "confidence by itself."
    ) in claims


def test_the_certificate_s_own_sentences_are_carried_and_what_may_pass_in_full_is_named(tmp_path):
    says = ["At most 5.00% pass.", "Nothing is promised of other classes."]
    made = ReleaseSet(tmp_path).make(says=says, upper=1.0)
    made.write()
    found = statement(made)
    page = made.report.with_suffix(".html").read_text().split("<main>")[0]
    full = (
        "Only measured (certificate), nothing is promised, and these may pass in full: another radiograph of the same "
        "patient."
    )

    for sentence in (full, "The certificate says: “Nothing is promised of other classes.”"):
        assert sentence in found["claims"]
        assert sentence in page
    assert not [claim for claim in found["claims"] if "At most 5.00%" in claim]


def test_rows_are_ordered_as_a_committee_needs_them(tmp_path):
    made = ReleaseSet(tmp_path).make(
        classes=("strong_copy", "identical"), measured=("blend", GENERATED, "same_patient")
    )
    rows = make_statement(made.inputs, BY)["certified"]

    assert [row["leak_class"] for row in rows] == ["strong_copy", "identical", "same_patient", GENERATED, "blend"]


def test_it_says_who_signed_and_when_and_when_the_run_ended(made):
    found = statement(made)
    page = made.report.with_suffix(".html").read_text()

    assert found["signed"] == {
        "by": "signing",
        "key": key_digest(read_public_key(made.folder / "signing.pub")),
        "at": "2026-11-28T12:30:00+00:00",
    }
    assert found["run"]["finished"] == "2026-11-28T11:02:00+00:00"
    for text in (found["signed"]["key"], "2026-11-28 12:30 UTC", "2026-11-28 11:02 UTC"):
        assert text in page


def test_it_says_how_many_leaks_are_expected_in_this_set(made):
    found = statement(made)["expected_leaks"]

    assert (found["removed"], found["released"], found["promised"]["at_most"]) == (2, 3, 1)
    assert found["promised"]["expected"] == pytest.approx(2 * 0.05 / 0.95)
    assert found["promised"]["confidence"] == pytest.approx(0.9)
    assert found["false_flags"] == pytest.approx({"answered": 5, "share": 0.07, "expected": 0.35, "at_most": 0.5})


def test_thresholds_that_are_laxer_than_the_default_rule_are_said_to_be(tmp_path):
    made = ReleaseSet(tmp_path).make(score_threshold=0.8, borderline=0.4)
    made.write()
    (told,) = [claim for claim in statement(made)["claims"] if claim.startswith("Laxer")]

    assert "same-patient score threshold 0.8 instead of 0.5" in told
    assert told in made.report.with_suffix(".html").read_text().split("<main>")[0]
    assert made.verify().changes == []


def test_it_says_what_is_not_known(made):
    assert statement(made)["claims"][-2:] == [
        "28 of 30 images that the generator was trained on are enrolled; of the 2 others nothing is known.",
        "They were compared by name, not by pixels: an image that was exchanged under its name counts as enrolled.",
    ]
    assert "Not certified for generator-made near-duplicates." in statement(made)["claims"]


def test_coverage_that_compared_pixels_says_so(made):
    coverage = replace(COVERAGE, enrolled=27, compared=27, exchanged=1)
    claims = make_statement(replace(made.inputs, coverage=coverage), BY)["claims"]

    assert claims[-1] == "1 of the others have the name of an enrolled image and other pixels."


def test_without_a_training_manifest_nothing_is_said_of_names(made):
    claims = make_statement(replace(made.inputs, coverage=None), BY)["claims"]

    assert claims[-1].startswith("No training manifest of the generator was given")


def test_an_uncertified_run_says_so_everywhere(uncertified):
    claims = statement(uncertified)["claims"]

    assert claims[1] == "Uncertified: no bound on missed leaks is promised for this gate."
    assert "Uncertified" in uncertified.report.with_suffix(".html").read_text()
    with pytest.raises(CertificateError, match="stays uncertified"):
        make_statement(
            uncertified.inputs.__class__(uncertified.output / "results", uncertified.output / "released", b""), BY
        )


def test_only_certified_near_duplicates_take_the_reservation_away(tmp_path):
    made = ReleaseSet(tmp_path).make(classes=("strong_copy", GENERATED))

    assert "Not certified for generator-made near-duplicates." not in make_statement(made.inputs, BY)["claims"]


def test_it_names_every_released_file_and_no_reference(made):
    content = statement(made)

    assert set(content["released"]) == {"a/clear.png", "a/near.png", "b/plain.png", "manifest.json"}
    for path in (made.report, made.report.with_suffix(".html")):
        text = path.read_text()
        assert "data:image" not in text
        evidence = (made.output / "results/evidence.csv").read_text().splitlines()[1:]
        assert not [row for row in evidence for name in row.split(",")[1:3] if name in text]


def test_the_page_runs_and_loads_nothing(made):
    page = made.report.with_suffix(".html").read_text()

    assert "<script" not in page
    assert "http" not in page.replace('http-equiv="', "")


def test_the_audit_is_decided_at_the_thresholds_of_the_release(made):
    whole = next(row for row in statement(made)["audit"]["leaks"] if row["strength"] == "any")

    assert (whole["patients"], whole["misses"]) == (4, 2)  # at the audit's own threshold of 0.7 it was three


def test_the_worst_patient_is_told_beside_the_rates():
    (copies, everything) = worst_patients(decide_again(audit_cases(), policy().to_json()))

    assert copies == {
        "leak_class": "strong_copy",
        "patients": 4,
        "with_a_release": 2,
        "most_released": 2,
        "of_planted": 2,
    }
    assert everything["leak_class"] == "any"


def test_an_audit_of_other_models_is_refused(made, tmp_path):
    made = made.copy(tmp_path)
    content = json.loads(made.audit.read_text())
    content["models"]["retrieval"] = "0" * 64
    made.audit.write_text(json.dumps(content))

    with pytest.raises(MismatchError, match="differs in models"):
        make_statement(made.inputs, BY)


@pytest.fixture
def by_standout(tmp_path):
    """A release that the standout decided, with an audit over as many references that recorded standouts."""
    made = StandoutBundle(tmp_path, certified=False).make(minimum_frontality=0.5, **StandoutBundle.rule)
    rule = json.loads((made.output / "results/run.json").read_text())["policy"]
    standing = {"near_distance": 0.1, "near_score": 0.9, "cohort_mean": 0.1, "cohort_spread": 0.1, "cohort_size": 10.0}
    cases = audit_cases().assign(**standing)
    cases.to_parquet(made.audit.parent / "cases.parquet", index=False)
    audited(made, standout=rule["standout"], parts={"enrolled": rule["references"]})
    return made


def audited(made, **changes):
    made.audit.write_text(json.dumps({**json.loads(made.audit.read_text()), **changes}))


def test_an_audit_that_recorded_standouts_is_decided_by_them(by_standout):
    stated = make_statement(replace(by_standout.inputs, audit=by_standout.audit), BY)
    whole = next(row for row in stated["audit"]["leaks"] if row["strength"] == "any")

    assert stated["histograms"][0]["name"] == "Standout"
    assert whole["misses"] == 0  # each stands out, whatever its largest score


def test_the_threshold_of_an_audit_s_standouts_is_named(by_standout):
    rule = json.loads(by_standout.audit.read_text())["rule"]
    audited(by_standout, rule={**rule, "score_threshold": None, "standout_threshold": 0.5})
    stated = make_statement(replace(by_standout.inputs, audit=by_standout.audit), BY)

    assert stated["audit"]["thresholds"]["standout_threshold"] == 0.5


def test_an_audit_without_standouts_is_refused_where_they_decided(by_standout):
    audit_cases().to_parquet(by_standout.audit.parent / "cases.parquet", index=False)

    with pytest.raises(MismatchError, match="earlier version"):
        make_statement(replace(by_standout.inputs, audit=by_standout.audit), BY)


def test_an_audit_over_fewer_references_is_refused_where_standouts_decided(by_standout):
    audited(by_standout, parts={"enrolled": 1})

    with pytest.raises(MismatchError, match="fewer than this release's"):
        make_statement(replace(by_standout.inputs, audit=by_standout.audit), BY)


def test_an_audit_whose_standouts_are_made_otherwise_is_refused(by_standout):
    standout = json.loads(by_standout.audit.read_text())["standout"]
    audited(by_standout, standout={**standout, "identity": 0.7})

    with pytest.raises(MismatchError, match="made otherwise"):
        make_statement(replace(by_standout.inputs, audit=by_standout.audit), BY)


def test_another_certificate_than_the_runs_is_refused(made, tmp_path):
    made = made.copy(tmp_path)
    made.edit(made.certificate, "0.0123", "0.0122")

    with pytest.raises(CertificateError, match="made under"):
        make_statement(made.inputs, BY)


def test_nothing_is_signed_where_a_decision_does_not_follow_from_the_recorded_numbers(made, tmp_path):
    made = made.copy(tmp_path)
    path = made.output / "results/results.parquet"
    table = pd.read_parquet(path)
    table.loc[table["image_id"] == "b/copy.png", ["decision", "reasons"]] = ["INDETERMINATE", "ATYPICAL"]
    table.to_parquet(path, index=False)

    with pytest.raises(UsageError, match=r"follow from the recorded numbers, results, b/copy\.png > decision"):
        make_statement(made.inputs, BY)


def test_a_report_after_a_withholding_counts_what_is_released(made, tmp_path):
    made = made.copy(tmp_path)
    withhold(made, "a/near.png")
    content = make_statement(made.inputs, BY)
    page = render_page(content, "ab" * 32, read_results(made.output / "results"))

    total = content["counts"]["total"]
    assert (total["anonymous"], total["released"], content["counts"]["published"]) == (3, 2, 2)
    assert (content["counts"]["withheld"], content["counts"]["borderline"]) == (1, 0)
    assert sum(row["images"] for row in content["nearest_patients"]["most"]) == 2
    assert content["claims"][0].startswith("No match found: 2 of 6 images are released")
    assert "1 image without a match was withheld by reviewers and is not released." in page
    made.write()
    assert made.verify().changes == []


def test_a_file_that_left_without_being_withheld_is_noticed(made, tmp_path):
    made = made.copy(tmp_path)
    withhold(made, "a/near.png")
    made.edit(made.output / "released/manifest.json", '"withheld": 1', '"withheld": 0')

    with pytest.raises(UsageError, match="0 were withheld, 1 are not there"):
        make_statement(made.inputs, BY)


def withhold(made, name):
    """As a reviewer does it."""
    results = read_results(made.output / "results").images
    pixels = results.set_index("image_id").loc[name, "pixel_digest"]

    async def append():
        log = HashLog(made.folder / "review.log")
        await log.append(WITHHELD, pixel_digest=pixels)
        await log.close()

    asyncio.run(append())
    withdraw_withheld(made.output / "released", lambda: results, made.folder / "review.log")


@pytest.mark.parametrize("how", ["changed", "missing", "foreign", "other pixels"])
def test_nothing_is_signed_for_a_released_set_that_is_not_the_runs(made, tmp_path, how):
    made = made.copy(tmp_path)
    file, other = made.output / "released/a/clear.png", made.output / "released/b/plain.png"
    if how == "changed":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    elif how == "missing":
        file.unlink()
    elif how == "foreign":
        (file.parent / "more.png").write_bytes(b"")
    else:
        made.edit(made.output / "released/manifest.json", *map(file_digest, (file, other)))
        file.unlink()
        file.write_bytes(other.read_bytes())

    with pytest.raises(UsageError, match=r"not those of .*: 1, a/(clear|more)\.png"):
        make_statement(made.inputs, BY)


def test_a_released_file_that_cannot_be_decoded_is_said_to_be_that(made, tmp_path):
    made = made.copy(tmp_path)
    file = made.output / "released/a/clear.png"
    before = file_digest(file)
    file.unlink()
    file.write_bytes(b"no image")
    made.edit(made.output / "released/manifest.json", before, file_digest(file))

    with pytest.raises(UsageError, match=r"a/clear\.png is no image that can be read, [A-Z_]+"):
        make_statement(made.inputs, BY)
