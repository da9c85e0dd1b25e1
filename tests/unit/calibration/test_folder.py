import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.certified_gate import signing_key
from support.recorded_cases import cases

from cxrgate.calibration.folder import verify_calibration, write_calibration
from cxrgate.calibration.overlap import Scan
from cxrgate.calibration.recording import Recording
from cxrgate.certification import CERTIFICATE, read_public_key, sign
from cxrgate.core import BAND, CertificateError, UsageError
from cxrgate.core.spaces import THRESHOLDS

ISSUED = datetime(2026, 11, 25, 12, tzinfo=UTC)
RNG = np.random.default_rng(3)
CLEAN = cases("clean", RNG.beta(2, 6, 200), RNG.beta(2, 6, 200))
DEFAULT = {"candidates": 3, "score_threshold": 1.0, "copy_threshold": 1.0, "minimum_typicality": 0.1}
"""Nothing is laxer than this."""
STRICT = {**DEFAULT, "score_threshold": 0.01, "minimum_typicality": 0.35}
POLICY = "certified: [{class: strong_copy, strength: 112 px, rate: 0.05}]\nfalse_flags: 0.2\ndays: 30\n"


def recording(leaks=300, default=None):
    """A hundred leaks are caught at some threshold or other, the rest at any."""
    scores = np.concatenate([RNG.beta(8, 2, 100), np.ones(max(leaks - 100, 0))])[:leaks]
    table = pd.concat([CLEAN, cases("leak", scores, None, "strong_copy", "112 px")], ignore_index=True)
    binding = {"candidates": 3, "snapshot": "abc", "references": 300, "minimum_typicality": 0.1, "band": BAND}
    references = np.zeros((4, 16), np.uint8)
    return Recording(
        table, references, binding, Scan(500, 900), 7, thresholds=THRESHOLDS, default_rule=default or DEFAULT
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibrations")
    (folder / "policy.yaml").write_text(POLICY)
    recorded = recording()
    for name in ("first", "again"):
        write_calibration(folder / name, recorded, folder / "policy.yaml", ISSUED, signing_key(folder))
    return folder


def key(folder):
    return read_public_key(folder / "signing.pub")


def test_certificate_states_thresholds_counts_bounds_and_expiry_and_names_nobody(made):
    stated = verify_calibration(made / "first", key(made)).statement
    found = stated["certified"][0]

    assert (found["patients"], found["rate"]) == (300, 0.05)
    assert found["misses"] / 300 < found["upper"] <= 0.05
    assert stated["binding"].keys() >= {"score_threshold", "copy_threshold", "candidates", "snapshot"}
    assert datetime.fromisoformat(stated["expires"]) == ISSUED + timedelta(days=30)
    assert "twin index" in stated["twin_index"]["how"]
    assert not {patient for patient in CLEAN["patient"] if patient in json.dumps(stated)}


def test_certificate_is_the_same_bytes_from_the_same_record(made):
    assert (made / "first" / CERTIFICATE).read_bytes() == (made / "again" / CERTIFICATE).read_bytes()


@pytest.mark.parametrize("name", ["cases.parquet", "leak_policy.yaml", "references.npy", CERTIFICATE])
def test_one_changed_byte_is_noticed_and_the_file_named(made, tmp_path, name):
    shutil.copytree(made / "first", tmp_path / "spoilt")
    content = bytearray((tmp_path / "spoilt" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "spoilt" / name).write_bytes(content)

    with pytest.raises(CertificateError, match=name):
        verify_calibration(tmp_path / "spoilt", key(made))


def test_what_the_band_of_the_gate_s_dtype_catches_is_no_miss(made, tmp_path):
    """Renewed at the thresholds of a calibration in float32: with a wider band they catch more."""
    before = verify_calibration(made / "first", key(made))
    recorded, counts = recording(), []
    scores = recorded.cases.loc[recorded.cases["kind"] == "leak", "score"]
    for name, band in (("narrow", BAND), ("wide", 0.16)):
        table = replace(recorded, binding={**recorded.binding, "band": band})
        write_calibration(tmp_path / name, table, made / "policy.yaml", ISSUED, signing_key(made), before)
        stated = verify_calibration(tmp_path / name, key(made)).statement
        assert stated["certified"][0]["misses"] == (scores < before.binding["score_threshold"] - band).sum()
        counts.append(stated["certified"][0]["misses"])

    assert counts[0] > counts[1]


def test_promise_that_cannot_be_kept_is_written_with_its_reasons_and_not_signed(made, tmp_path):
    written = write_calibration(tmp_path / "few", recording(20), made / "policy.yaml", ISSUED, signing_key(made))

    assert written.certificate is None
    assert not (tmp_path / "few" / CERTIFICATE).exists()
    assert "more patients" in json.loads((tmp_path / "few/refused.json").read_text())["refusals"][0]


def test_thresholds_laxer_than_the_default_rule_are_refused_by_name_without_the_word(made, tmp_path):
    recorded = recording(default=STRICT)
    written = write_calibration(tmp_path / "lax", recorded, made / "policy.yaml", ISSUED, signing_key(made))

    assert written.certificate is None
    (refusal,) = written.calibration.refusals
    assert refusal.startswith("laxer than the default rule: minimum typicality 0.1 instead of 0.35; same-patient score")
    assert "instead of 0.01. " in refusal
    assert "allow_laxer_thresholds: true" in refusal


def test_laxer_thresholds_that_the_policy_allows_are_certified_and_said(made, tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY + "allow_laxer_thresholds: true\n")
    written = write_calibration(
        tmp_path / "lax", recording(default=STRICT), tmp_path / "policy.yaml", ISSUED, signing_key(made)
    )
    stated = verify_calibration(tmp_path / "lax", key(made)).statement

    assert [item["name"] for item in stated["laxer"]] == ["minimum_typicality", "score_threshold"]
    assert f"Laxer than the default rule, as the leak policy allows: {written.laxer}." in stated["says"]
    assert stated["says"][-1].startswith("Nothing is promised of")


def test_a_laxer_certificate_that_was_signed_without_the_word_does_not_hold(made, tmp_path):
    write_calibration(tmp_path / "lax", recording(default=STRICT), made / "policy.yaml", ISSUED, signing_key(made))
    refused = json.loads((tmp_path / "lax/refused.json").read_text())
    del refused["refusals"]
    (tmp_path / "lax" / CERTIFICATE).write_bytes(sign(refused, signing_key(made)))

    with pytest.raises(CertificateError, match="laxer than the default rule"):
        verify_calibration(tmp_path / "lax", key(made))


def test_a_calibration_of_format_1_is_verified_as_it_was_written():
    folder = Path(__file__).parents[2] / "assets/calibrations/format-1"
    certificate = verify_calibration(folder, read_public_key(folder / "signing.pub"))

    assert certificate.statement["format"] == 1
    assert "laxer" not in certificate.statement


def test_a_calibration_is_never_overwritten(made):
    with pytest.raises(UsageError, match="exists"):
        write_calibration(made / "first", recording(), made / "policy.yaml", ISSUED, signing_key(made))


def test_a_statement_that_the_cases_do_not_bear_out_is_named(made, tmp_path):
    shutil.copytree(made / "first", tmp_path / "rosy")
    stated = json.loads((tmp_path / "rosy" / CERTIFICATE).read_text())["statement"]
    stated["clean"]["flagged"] = 0
    (tmp_path / "rosy" / CERTIFICATE).write_bytes(sign(stated, signing_key(made)))

    with pytest.raises(CertificateError, match="clean"):
        verify_calibration(tmp_path / "rosy", key(made))


def test_a_folder_without_a_certificate_is_refused_by_its_own_name(made, tmp_path):
    with pytest.raises(CertificateError, match=r"there is no certificate\.json in .*nope: name the folder that"):
        verify_calibration(tmp_path / "nope", key(made))
