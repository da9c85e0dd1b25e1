import csv
from types import SimpleNamespace

import numpy as np

from cxrgate.index import opaque_id
from cxrgate.index.manifest import PartName
from cxrgate.index.measuring.measure import PICTURES
from cxrgate.index.measuring.suspects import SUSPECTS
from cxrgate.index.parts import Part
from cxrgate.run.same_patient import write_same_patient

KEY = bytes(32)
FILES = [SimpleNamespace(patient_id=name) for name in ("anna", "berta", "carla", "anna")]


def snapshot(*pairs):
    if not pairs:
        return SimpleNamespace(parts={PartName.MEASUREMENT: Part({})})
    keys = [np.frombuffer(opaque_id(KEY, "patient", name), np.uint8) for pair in pairs for name in pair]
    return SimpleNamespace(parts={PartName.MEASUREMENT: Part({}, {SUSPECTS: np.stack(keys)})})


def test_pairs_are_named_for_the_owner_of_the_reference_map_alone(tmp_path):
    path = write_same_patient(tmp_path / "map.csv", FILES, snapshot(("anna", "carla"), ("berta", "anna")), KEY)

    assert path.name == "map-same-patient.csv"
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["patient_id", "other_patient_id", "why"],
            ["anna", "carla", "they resemble each other"],
            ["berta", "anna", "they resemble each other"],
        ]


def test_a_pair_that_shares_a_picture_is_named_for_that_alone(tmp_path):
    both = snapshot(("anna", "carla"), ("berta", "anna"))
    arrays = both.parts[PartName.MEASUREMENT].arrays
    arrays[PICTURES] = arrays[SUSPECTS][2:]

    path = write_same_patient(tmp_path / "map.csv", FILES, both, KEY)

    with path.open(newline="") as file:
        assert list(csv.reader(file))[1:] == [
            ["berta", "anna", "they share a picture"],
            ["anna", "carla", "they resemble each other"],
        ]


def test_where_nobody_is_suspected_no_file_of_an_earlier_snapshot_stays(tmp_path):
    write_same_patient(tmp_path / "map.csv", FILES, snapshot(("anna", "carla")), KEY)

    assert write_same_patient(tmp_path / "map.csv", FILES, snapshot(), KEY) is None
    assert not list(tmp_path.iterdir())
    assert write_same_patient(tmp_path / "map.csv", FILES, SimpleNamespace(parts={}), KEY) is None
