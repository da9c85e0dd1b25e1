"""What a harness asks, and what it tells of how far it is, on a gate of stand-ins."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from support.fake_gate import CLEAN, LEAK, Stages
from support.fakes import POLICY, picture, save_small_models
from support.textures import texture, turned

from cxrgate.core import Decision, GreyImage, UsageError
from cxrgate.core.keypoints import METHOD
from cxrgate.core.progress import silent
from cxrgate.gate.config import ModelFolders, PolicyConfig
from cxrgate.gate.local import local_models
from cxrgate.gate.pipeline import Gate
from cxrgate.images.codec.encode import encode_png
from cxrgate.images.sources.files import ImageFile
from cxrgate.planted import harness as module
from cxrgate.planted.cases import CaseKind, PlantedCase
from cxrgate.planted.harness import EnrolledSet, Harness
from cxrgate.planted.origins import patient_key
from cxrgate.train import ListedImage

KEY = bytes(32)


class Pictures(Stages):
    """Decodes every file to a picture of its own."""

    async def decode(self, records):
        await super().decode(records)
        return [GreyImage(record.image_id, picture(number)) for number, record in enumerate(records)]


@pytest.fixture
def steps():
    return []


@pytest.fixture
def harness(steps):
    stages = Pictures()
    gate = Gate(stages, stages, stages, stages, POLICY)
    return Harness(gate, KEY, lambda step, done, total: steps.append((step, done, total)))


def listed_images(folder, count):
    """Files of so many patients."""
    for number in range(count):
        (folder / f"{number}.png").write_bytes(encode_png(picture(number)))
    files = [ImageFile(folder / f"{number}.png", f"{number}.png", "", str(number)) for number in range(count)]
    return [ListedImage(file, file.patient_id, "nih", None) for file in files]


def copies(origins):
    return (PlantedCase(LEAK, CaseKind.LEAK, origin.patient, "identical", origin.name) for origin in origins)


def test_each_case_is_a_row_and_is_told(harness, steps):
    cases = [PlantedCase(content, CaseKind.UNENROLLED, "patient") for content in (CLEAN, LEAK, CLEAN)]
    table = asyncio.run(harness.ask("ask", cases, 7))

    assert table["decision"].tolist() == ["ANONYMOUS", "NOT_ANONYMOUS", "ANONYMOUS"]
    assert steps == [("ask", 1, 7)] * 3


def test_cases_are_made_of_a_few_images_at_a_time_in_their_order(harness, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ORIGINS", 2)
    asked_of = listed_images(tmp_path, 5)
    tables = asyncio.run(harness.ask_of_origins("plant", asked_of, copies, 5))

    assert [len(table) for table in tables] == [2, 2, 1]
    assert [name for table in tables for name in table["strength"]] == [
        listed_image.file.image_id for listed_image in asked_of
    ]
    assert [key for table in tables for key in table["patient"]] == [
        patient_key(KEY, listed_image) for listed_image in asked_of
    ]


def test_another_policy_decides_on_the_same_gate(harness):
    laxer = harness.under(replace(POLICY, score_threshold=0.99))
    found = [asyncio.run(each.ask("ask", [PlantedCase(LEAK, CaseKind.LEAK)], 1)) for each in (harness, laxer)]

    assert [table.loc[0, "decision"] for table in found] == [Decision.NOT_ANONYMOUS, Decision.ANONYMOUS]


def test_a_file_that_cannot_be_read_is_named(harness, tmp_path):
    missing = ListedImage(ImageFile(Path(tmp_path / "none.png"), "none.png", "", "a"), "a", "nih", None)

    with pytest.raises(UsageError, match=r"none\.png"):
        asyncio.run(harness.origins([missing]))


def test_a_rule_that_asks_for_matches_is_enrolled_with_keypoints_and_decides(tmp_path):
    """By the parts of it alone; a turned copy goes through the whole gate in tests/integration/test_matches.py."""
    save_small_models(tmp_path / "models")
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(encode_png(texture(number)))
    files = [ImageFile(tmp_path / f"{number}.png", f"{number}.png", "", str(number // 2)) for number in range(4)]
    listed = [ListedImage(file, file.patient_id, "nih", None) for file in files]
    rule = PolicyConfig(score_threshold=1.0, minimum_typicality=-1, match_threshold=36)

    with local_models(ModelFolders.of(tmp_path / "models"), "cpu") as models:
        enrolled = EnrolledSet.enrol(listed, models, tmp_path / "models", tmp_path, KEY, silent, rule)
        with enrolled.open(silent) as opened:
            case = PlantedCase(encode_png(turned(texture(3))), CaseKind.LEAK)
            (row,) = asyncio.run(opened.ask("ask", [case], 1)).to_dict("records")

    assert enrolled.snapshot.manifest.match_method == METHOD
    assert opened.gate.policy.match_threshold == 36
    assert (row["reasons"], row["matches"] >= 36) == ("COPY", True)
