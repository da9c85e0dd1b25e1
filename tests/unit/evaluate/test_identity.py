import math

import numpy as np
from support.evaluation_listings import entry

from cxrgate.evaluate.identity import Identity, identity_counts, identity_figures, subgroups
from cxrgate.train.scoring.figures import all_pairs, rank_queries


def identity(listed, similarities, name="nih"):
    patients = np.unique([row.listed_image.patient_id for row in listed], return_inverse=True)[1]
    matrix = np.array(similarities, dtype=np.float64)
    return Identity({name: all_pairs(matrix, patients)}, {name: rank_queries(matrix, patients)}, {name: listed})


def adults():
    """Two patients with an AP, a PA and a PA image a year of visits later; the AP and PA pairs are found, no other."""
    listed = [
        entry(f"{patient}{number}", patient, view=view, follow_up=follow_up)
        for patient in "ab"
        for number, (view, follow_up) in enumerate([("AP", "0"), ("PA", "0"), ("PA", "12")])
    ]
    similarities = np.full((6, 6), 0.5)
    similarities[[0, 1, 3, 4], [1, 0, 4, 3]] = 0.9
    similarities[[0, 2, 1, 2, 3, 5, 4, 5], [2, 0, 2, 1, 5, 3, 5, 4]] = 0.1
    return listed, similarities


def found(listed, similarities, name="nih"):
    return {(part.group, part.name): part for part in subgroups(identity(listed, similarities, name))}


def test_views_are_compared_with_pairs_of_the_same_views():
    parts = found(*adults())

    assert parts["adults", "PA and PA"].figures["auc"].value == 0
    assert parts["adults", "AP and PA"].pairs == 4
    assert parts["adults", "AP and PA"].figures["auc"].value == 0.5


def test_a_kind_of_pair_that_no_patient_has_is_not_listed():
    assert ("adults", "AP and AP") not in found(*adults())


def test_supine_images_are_ap():
    listed = [entry(str(row), "ab"[row // 2], view="AP Supine") for row in range(4)]

    assert found(listed, np.eye(4))["adults", "AP and AP"].pairs == 2


def test_follow_ups_are_held_against_every_pair_of_two_patients():
    parts = found(*adults())

    assert parts["nih", "follow_up equal"].figures["auc"].value == 1
    assert parts["nih", "follow_up 8 or more apart"].figures["auc"].value == 0
    assert ("nih", "follow_up 1 to 7 apart") not in parts


def test_a_listing_that_tells_nothing_has_no_subgroups():
    assert found([entry(str(row), "ab"[row // 2], follow_up="soon") for row in range(4)], np.eye(4)) == {}


def test_children_are_no_adults():
    listed, similarities = adults()
    figures = identity_figures(identity(listed, similarities, "kermany"))

    assert math.isnan(figures["adults"]["auc"].value)
    assert math.isnan(figures["adults"]["p_at_1"].value)
    assert figures["all"] == figures["kermany"]
    assert all(part.group != "adults" for part in subgroups(identity(listed, similarities, "kermany")))


def test_what_was_scored_is_counted():
    counts = identity_counts(identity(*adults()))["all"]

    assert counts == {"images": 6, "patients": 2, "same_patient_pairs": 6, "queries": 6}
