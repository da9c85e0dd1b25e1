"""`cxrgate audit` on drawn radiographs: the demo's models, the gate's real stages, every kind of leak."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.evaluation_listings import write_listing
from typer.testing import CliRunner

from cxrgate.audit import audit as module
from cxrgate.audit import parts as audit_parts
from cxrgate.cli.main import app
from cxrgate.demo.anatomy import Patient
from cxrgate.demo.drawing import View, draw
from cxrgate.growth.growth import Growth
from cxrgate.images.codec.encode import encode_png
from cxrgate.planted.cases import COLUMNS, STANDOUTS
from cxrgate.planted.classes.catalogue import CLASSES, of_class
from cxrgate.planted.generator import fit_generator
from cxrgate.planted.outliers.drawn import noises

OTHERS = [name for name in CLASSES if name not in module.MAIN]
MODELS = Path(__file__).parents[2] / "model_store" / "demo"


def write_radiographs(folder):
    """Radiographs of 60 invented patients, two of every third one and three of every sixth, and their listing."""
    rng, rows = np.random.default_rng(0), []
    for number in range(60):
        patient = Patient.sample(rng)
        for image in range(1 + (number % 3 == 0) + (number % 6 == 0)):
            name = f"nih-{number}-{image}.png"
            (folder / name).write_bytes(encode_png(draw(patient, View.sample(rng), 128)))
            rows.append((name, f"nih:{number}", "nih"))
    write_listing(folder, rows, ("image", "patient_id", "source"))


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """See audited."""
    return audited(tmp_path_factory.mktemp("audit"), "--other-models", str(MODELS))


def audited(folder, *more):
    """The answer of the command on invented patients, and where it wrote; few leaks, so that it takes seconds."""
    write_radiographs(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cxrgate.planted.generator.fit_generator", partial(fit_generator, steps=2))
        # Enough of them for the index to measure itself.
        patch.setattr(audit_parts, "ENROLLED", 0.8)
        patch.setattr(module, "MAIN_PATIENTS", 5)
        patch.setattr(module, "_OTHER_LEAKS", [leak for name in OTHERS for leak in of_class(name)[:3:2]])
        patch.setattr(module, "PATIENTS", 3)
        patch.setattr(module, "GENERATED_PATIENTS", 3)
        patch.setattr(module, "outliers", lambda: iter(list(noises(np.random.default_rng(0)))[:5]))
        arguments = ["audit", str(folder), "--models", str(MODELS), "--output", str(folder / "out")]
        answer = CliRunner().invoke(app, [*arguments, *more])
    assert answer.exit_code == 0, answer.output
    return answer.stdout, folder / "out"


def test_the_last_line_is_one_json_object_with_every_class(result):
    found = json.loads(result[0].splitlines()[-1])

    assert list(found) == ["specificity", "classes", "out_of_distribution"]
    assert set(found["classes"]) == set(CLASSES)
    assert all(set(row) == {"n", "recall", "lower_95"} for row in found["classes"].values())
    assert found["classes"]["identical"] == {"n": 5, "recall": 1.0, "lower_95": pytest.approx(0.05 ** (1 / 5))}
    assert found["out_of_distribution"]["n"] == 5


def test_the_table_names_strengths_and_what_is_expected_of_a_release(result):
    assert "rotation 20°" in result[0]
    assert "10,000 images with 1.0% leaks" in result[0]
    assert "same decision, reversed" in result[0]


def test_the_cases_can_be_counted_again(result):
    cases = pd.read_parquet(result[1] / "cases.parquet")
    figures = json.loads((result[1] / "audit.json").read_text())

    assert tuple(cases.columns) == (*COLUMNS, *STANDOUTS)
    assert set(cases["kind"]) == {"leak", "clean", "stranger"}
    row = next(row for row in figures["leaks"] if row["leak_class"] == "strong_copy")
    stopped = cases[cases["leak_class"] == "strong_copy"]["decision"] != "ANONYMOUS"
    assert row["share"]["recall"] == stopped.mean()
    assert figures["parts"]["test"] == (cases["kind"] == "clean").sum()
    assert cases["found"].sum() > 0


def test_the_thresholds_are_those_that_the_index_measured_for_the_default_rule(result):
    figures, cases = json.loads((result[1] / "audit.json").read_text()), pd.read_parquet(result[1] / "cases.parquet")
    rule = figures["rule"]

    assert rule["promise"]["rate"] == 0.05
    assert rule["score_threshold"] is None
    flagged = (cases["standout"] >= rule["standout_threshold"] - rule["band"]) | (
        cases["similarity"] >= rule["copy_threshold"] - rule["band"]
    )
    answered = cases[cases["decision"] != "INDETERMINATE"]
    assert ((answered["decision"] == "NOT_ANONYMOUS") == flagged[answered.index]).all()
    assert "Thresholds of the rule: standout" in result[0]


def test_the_same_image_gets_the_same_decision_in_any_batch(result):
    order = json.loads((result[1] / "audit.json").read_text())["axes"]["consistency"]
    found = next(value for name, value in order.items() if name.startswith("reversed"))

    assert found["share"]["recall"] == 1
    assert found["score"] < 1e-4


def test_other_models_get_a_gate_of_their_own(result):
    consistency = json.loads((result[1] / "audit.json").read_text())["axes"]["consistency"]

    assert consistency["models of demo"]["share"]["recall"] == 1
    assert consistency["models of demo"]["share"]["n"] == consistency["jpeg 95"]["share"]["n"]


def test_no_name_of_an_image_is_written(result):
    assert "nih" not in (result[1] / "audit.json").read_text() + (result[1] / "audit.html").read_text()
    assert (
        not pd.read_parquet(result[1] / "cases.parquet")
        .astype(str)
        .apply(lambda c: c.str.contains("nih"))
        .any(axis=None)
    )


def test_the_policy_of_a_configuration_decides_with_keypoints_in_the_index(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "measure_models", lambda *_: Growth())
    (tmp_path / "config.yaml").write_text("policy: {match_threshold: auto}")

    told, folder = audited(tmp_path, "--config", str(tmp_path / "config.yaml"))

    rule, cases = json.loads((folder / "audit.json").read_text())["rule"], pd.read_parquet(folder / "cases.parquet")
    assert f"matches {rule['match_threshold']}." in told
    answered = cases[~cases["failed"]]
    assert answered["matches"].notna().all()
    matched = answered["matches"] >= rule["match_threshold"]
    assert matched[answered["leak_class"] == "identical"].all()
    assert answered[matched]["reasons"].str.contains("COPY").all()
