import numpy as np
import pytest

from cxrgate.core.standout import COHORT, Standout, identity_similarity
from cxrgate.index import EngineName
from cxrgate.index.engines.make import make_engine
from cxrgate.index.nearest_patients import NearestPatients, number_patients


def unit(rng, count, dimensions=12):
    rows = rng.standard_normal((count, dimensions)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def search(engine, rows, patients, queries, k, without=None):
    return NearestPatients(make_engine(engine, rows), patients).search(queries, k, without)


def brute_force(rows, patients, query, hidden=()):
    """Patients by their nearest reference, nearest first, as float64 says."""
    distances = np.linalg.norm(rows.astype(np.float64) - query.astype(np.float64), axis=1)
    best = {}
    for row in np.argsort(distances, kind="stable"):
        if row not in hidden:
            best.setdefault(patients[row], distances[row])
    return np.array(sorted(best.values()))


@pytest.mark.parametrize("engine", EngineName)
@pytest.mark.parametrize("per_patient", [1, 3, 40])
def test_the_cohort_is_the_nearest_distinct_patients_but_the_first(engine, per_patient):
    rng = np.random.default_rng(per_patient)
    rows, patients = unit(rng, 200), np.arange(200) // per_patient
    queries = unit(rng, 9)

    for query, found in zip(queries, search(engine, rows, patients, queries, 3), strict=True):
        others = brute_force(rows, patients, query)[1 : COHORT + 1]
        assert found.cohort.size == len(others)
        assert found.cohort.mean == pytest.approx(identity_similarity(others).mean())
        assert found.cohort.spread == pytest.approx(identity_similarity(others).std())


def test_hidden_rows_are_as_if_not_enrolled():
    rng = np.random.default_rng(1)
    rows, patients = unit(rng, 60), np.arange(60) // 4
    hidden = [np.flatnonzero(patients == patients[row]) for row in range(8)]

    for row, found in enumerate(search(EngineName.MATRIX, rows, patients, rows[:8], 3, hidden)):
        assert not set(found.rows) & set(hidden[row].tolist())
        others = brute_force(rows, patients, rows[row], set(hidden[row].tolist()))[1 : COHORT + 1]
        assert found.cohort.mean == pytest.approx(identity_similarity(others).mean())


def test_batches_and_engines_give_the_same_bits():
    rng = np.random.default_rng(2)
    rows, patients, queries = unit(rng, 300), rng.integers(0, 90, 300), unit(rng, 12)
    together = search(EngineName.MATRIX, rows, patients, queries, 3)

    for engine in EngineName:
        alone = [search(engine, rows, patients, query[None], 3)[0] for query in queries]
        assert [item.cohort for item in alone] == [item.cohort for item in together]
        assert [item.rows.tolist() for item in alone] == [item.rows.tolist() for item in together]


def test_one_patient_has_no_cohort_and_one_reference_is_enough():
    rows = unit(np.random.default_rng(3), 5)
    (found,) = search(EngineName.MATRIX, rows, np.zeros(5, np.int64), rows[:1], 3)
    (single,) = search(EngineName.MATRIX, rows[:1], np.zeros(1, np.int64), rows[:1], 3)

    assert (found.cohort.size, len(found.rows)) == (0, 3)
    assert (single.cohort.size, len(single.rows)) == (0, 1)


def test_equal_keys_are_one_patient():
    keys = np.array([[1, 2], [3, 4], [1, 2]], np.uint8)
    numbers = number_patients(keys)

    assert numbers[0] == numbers[2] != numbers[1]


@pytest.mark.parametrize("patients", range(1, COHORT + 4))
def test_any_number_of_patients_gives_a_standout_between_0_and_1(patients):
    rng = np.random.default_rng(patients)
    rows, owners, queries = unit(rng, 2 * patients), np.arange(2 * patients) // 2, unit(rng, 5)
    standout = Standout(usual=0.2)

    for query, found in zip(queries, search(EngineName.MATRIX, rows, owners, queries, 3), strict=True):
        distances = np.linalg.norm(rows[found.rows].astype(np.float64) - query, axis=1)
        values = standout(distances, np.full(len(distances), 0.5), found.cohort)
        assert found.cohort.size == min(COHORT, patients - 1)
        assert ((values > 0) & (values < 1)).all()


@pytest.mark.parametrize("seed", range(20))
def test_a_further_reference_of_the_nearest_patient_never_lets_it_stand_out_less(seed):
    rng = np.random.default_rng(seed)
    rows, owners = unit(rng, 80), np.arange(80) // 2
    query = unit(rng, 1)
    standout = Standout()

    def stands_out(enrolled, patients):
        (found,) = search(EngineName.MATRIX, enrolled, patients, query, 3)
        distances = np.linalg.norm(enrolled[found.rows].astype(np.float64) - query, axis=1)
        return standout(distances, np.full(len(distances), 0.5), found.cohort).max(), found

    before, found = stands_out(rows, owners)
    nearest = owners[found.rows[0]]
    for nearness in (0.1, 0.5, 2.0):
        more = query + nearness * unit(rng, 1)
        more = (more / np.linalg.norm(more)).astype(np.float32)
        after, again = stands_out(np.concatenate([rows, more]), np.append(owners, nearest))
        assert after >= before
        assert again.cohort == found.cohort
