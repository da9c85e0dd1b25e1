from dataclasses import replace

import pytest
from support.random_snapshots import write_snapshot

from cxrgate.images.descriptors import JOINED_METHOD
from cxrgate.index.build import ModelDigests
from cxrgate.index.changes import with_parts
from cxrgate.index.engines.coded.fit import FEW
from cxrgate.index.manifest import PartName, read_manifest, write_manifest
from cxrgate.index.parts import Part
from cxrgate.stack.findings import Level
from cxrgate.stack.upgrade import check_upgrade


def write_model(folder, digest):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(f'{{"digest": "{digest}"}}')


@pytest.fixture
def models(tmp_path):
    for kind, letter in (("retrieval", "a"), ("verification", "b"), ("copy", "c")):
        write_model(tmp_path / "models" / kind, letter * 64)
    return tmp_path / "models"


@pytest.fixture
def snapshot(tmp_path):
    made = ModelDigests("a" * 64, "b" * 64, {"copy": f"{'c' * 64} {JOINED_METHOD}"})
    return write_snapshot(tmp_path / "snapshot", models=made)


def test_format_1_is_read_and_what_it_lacks_is_told_with_the_cure(snapshot, models):
    write_manifest(snapshot.path, replace(read_manifest(snapshot.path), parts={}))

    found = check_upgrade(snapshot.path, models)

    assert found.level is Level.WARN
    assert "format 1" in found.text
    assert "no records of its images" in found.text
    assert "no measurement of itself" in found.text
    assert found.remedy.startswith("`cxrgate index update CONFIG`")
    assert "docs/upgrade.md" in found.remedy


def test_with_all_parts_nothing_is_to_be_done(tmp_path, snapshot, models):
    missing = {part: Part({"made": "up"}) for part in PartName if part not in snapshot.parts}
    whole = with_parts(snapshot, tmp_path / "whole", missing)

    assert check_upgrade(whole.path, models).level is Level.OK


@pytest.mark.parametrize(("references", "level"), [(FEW - 1, Level.OK), (FEW, Level.WARN)])
def test_codes_are_missed_where_a_snapshot_is_large_enough_to_have_them(tmp_path, snapshot, models, references, level):
    missing = {part: Part({"made": "up"}) for part in PartName if part not in snapshot.parts}
    whole = with_parts(snapshot, tmp_path / "whole", missing)
    manifest = read_manifest(whole.path)
    parts = {name: entry for name, entry in manifest.parts.items() if name != PartName.CODES}
    write_manifest(whole.path, replace(manifest, references=references, parts=parts))

    found = check_upgrade(whole.path, models)

    assert found.level is level
    assert ("no codes" in found.text) == (level is Level.WARN)


@pytest.mark.parametrize("kind", ["retrieval", "verification", "copy"])
def test_other_models_are_named(snapshot, models, kind):
    write_model(models / kind, "f" * 64)

    found = check_upgrade(snapshot.path, models)

    assert (found.level, f"({kind})" in found.text) == (Level.FAIL, True)
    assert "enrol all images anew" in found.remedy


def test_a_later_format_is_told(snapshot, models):
    path = snapshot.path / "manifest.json"
    path.write_text(path.read_text().replace('"format": 2', '"format": 3'))

    found = check_upgrade(snapshot.path, models)

    assert found.level is Level.FAIL
    assert "a later version of cxrgate made it" in found.text


@pytest.mark.parametrize("missing", ["snapshot", "models"])
def test_what_is_not_there_is_told(tmp_path, snapshot, models, missing):
    given = {"snapshot": snapshot.path, "models": models, missing: tmp_path / "nothing"}

    assert check_upgrade(given["snapshot"], given["models"]).level is Level.FAIL
