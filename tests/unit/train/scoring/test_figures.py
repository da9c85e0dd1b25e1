import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from cxrgate.train.scoring.figures import (
    Pairs,
    Queries,
    all_pairs,
    rank_queries,
    retrieval_figures,
    verification_figures,
)

VERIFICATION = {"auc", "tpr_at_fpr_1pct", "tpr_at_fpr_0.1pct"}
RETRIEVAL = {"p_at_1", "map_at_r", "r_precision"}


def _similarities(seed=0, count=120, patients=40, *, ties=True):
    """A symmetric matrix in which images of a patient are more alike, and their patients."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(patients, size=count)
    values = rng.normal(size=(count, count)) + 1.5 * (labels[:, None] == labels[None])
    values = (values + values.T) / 2
    return (np.round(values, 1) if ties else values), labels


def test_every_pair_of_images_comes_once():
    values, labels = _similarities(count=5, patients=2)
    pairs = all_pairs(values, labels)
    expected = [(i, j) for i in range(5) for j in range(i + 1, 5)]
    assert pairs.scores.tolist() == [values[i, j] for i, j in expected]
    assert pairs.same.tolist() == [bool(labels[i] == labels[j]) for i, j in expected]
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(labels[i], labels[j]) for i, j in expected]


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_verification_figures_are_those_of_sklearn(seed, ties):
    pairs = all_pairs(*_similarities(seed, ties=ties))
    figures = verification_figures([pairs], replicates=2)
    false, true, _ = roc_curve(pairs.same, pairs.scores, drop_intermediate=False)
    assert figures["auc"].value == pytest.approx(roc_auc_score(pairs.same, pairs.scores), abs=1e-12)
    assert figures["tpr_at_fpr_1pct"].value == pytest.approx(true[false <= 0.01].max(), abs=1e-12)
    assert figures["tpr_at_fpr_0.1pct"].value == pytest.approx(true[false <= 0.001].max(), abs=1e-12)


def test_sources_are_pooled_pair_by_pair():
    parts = [all_pairs(*_similarities(seed)) for seed in (1, 2)]
    parts[1] = Pairs(parts[1].scores, parts[1].same, parts[1].first + 100, parts[1].second + 100)
    same, scores = (np.concatenate([getattr(part, name) for part in parts]) for name in ("same", "scores"))
    assert verification_figures(parts, 2)["auc"].value == pytest.approx(roc_auc_score(same, scores), abs=1e-12)


def _rank(values, labels):
    """P@1, mAP@R and R-precision by plain loops (Musgrave et al. 2020); of equals the earlier is nearer."""
    figures = []
    for query in range(len(labels)):
        others = sorted((i for i in range(len(labels)) if i != query), key=lambda i: (-values[query, i], i))
        hits = [labels[i] == labels[query] for i in others]
        wanted = sum(hits)
        if wanted:
            precisions = [sum(hits[: i + 1]) / (i + 1) * hits[i] for i in range(wanted)]
            figures.append((float(hits[0]), sum(precisions) / wanted, sum(hits[:wanted]) / wanted))
    return np.array(figures)


@pytest.mark.parametrize("ties", [True, False])
def test_queries_are_ranked_as_by_plain_loops(ties):
    values, labels = _similarities(5, ties=ties)
    queries, expected = rank_queries(values, labels), _rank(values, labels)
    assert np.allclose(queries.precision_at_1, expected[:, 0])
    assert np.allclose(queries.average_precision, expected[:, 1])
    assert np.allclose(queries.r_precision, expected[:, 2])
    means = [retrieval_figures([queries], 2)[name].value for name in ("p_at_1", "map_at_r", "r_precision")]
    assert np.allclose(means, expected.mean(0))


def test_an_image_alone_of_its_patient_queries_nothing_but_stays_in_the_gallery():
    values = np.array([[0, 0.1, 0.9], [0.1, 0, 0.2], [0.9, 0.2, 0]])
    queries = rank_queries(values, np.array([0, 0, 1]))
    assert queries.patients.tolist() == [0, 0]
    assert queries.precision_at_1.tolist() == [0, 0]


def test_ranking_leaves_the_similarities_as_they_are():
    values, labels = _similarities()
    before = values.copy()
    rank_queries(values, labels)
    assert np.array_equal(values, before)


def test_intervals_contain_the_value_and_have_a_width():
    values, labels = _similarities(7)
    found = verification_figures([all_pairs(values, labels)]) | retrieval_figures([rank_queries(values, labels)])
    assert found.keys() == VERIFICATION | RETRIEVAL
    for figure in found.values():
        assert figure.low <= figure.value <= figure.high
        assert 0 <= figure.low < figure.high <= 1


def test_equal_seeds_give_equal_intervals():
    pairs = all_pairs(*_similarities())
    assert verification_figures([pairs], 20) == verification_figures([pairs], 20)
    assert verification_figures([pairs], 20) != verification_figures([pairs], 20, seed=1)


def test_more_images_of_the_same_patients_make_no_interval_narrower():
    # Each query ten times: as many patients, so as uncertain as before.
    queries = rank_queries(*_similarities(8))
    tenfold = Queries(*(np.repeat(getattr(queries, name), 10) for name in Queries.__slots__))
    once, many = retrieval_figures([queries]), retrieval_figures([tenfold])
    for name in RETRIEVAL:
        assert many[name].low == pytest.approx(once[name].low)
        assert many[name].high == pytest.approx(once[name].high)


def test_more_pairs_of_the_same_patients_make_no_interval_narrower():
    pairs = all_pairs(*_similarities(8, ties=False))
    tenfold = Pairs(*(np.repeat(getattr(pairs, name), 10) for name in Pairs.__slots__))
    once, many = verification_figures([pairs])["auc"], verification_figures([tenfold])["auc"]
    assert many.low == pytest.approx(once.low, abs=2e-3)
    assert many.high == pytest.approx(once.high, abs=2e-3)


def test_only_patients_with_something_to_measure_are_resampled():
    # High numbers in between would leave most resamples nearly empty and widen the interval.
    queries = rank_queries(*_similarities(9))
    spread = Queries(queries.precision_at_1, queries.average_precision, queries.r_precision, queries.patients * 1000)
    assert retrieval_figures([spread]) == retrieval_figures([queries])
    pairs = all_pairs(*_similarities(9))
    apart = Pairs(pairs.scores, pairs.same, pairs.first * 1000, pairs.second * 1000)
    assert verification_figures([apart], 20) == verification_figures([pairs], 20)


@pytest.mark.parametrize("labels", [np.arange(4), np.zeros(4, np.int64), np.empty(0, np.int64)])
def test_where_pairs_of_one_kind_are_missing_figures_are_nan(labels):
    values = np.zeros((len(labels), len(labels)))
    for figure in verification_figures([all_pairs(values, labels)]).values():
        assert math.isnan(figure.value)
        assert math.isnan(figure.low)


def test_without_a_query_figures_are_nan():
    found = retrieval_figures([rank_queries(np.zeros((4, 4)), np.arange(4))])
    assert found.keys() == RETRIEVAL
    assert all(math.isnan(figure.value) for figure in found.values())


def test_without_a_source_figures_are_nan():
    found = verification_figures([]) | retrieval_figures([])
    assert found.keys() == VERIFICATION | RETRIEVAL
    assert all(math.isnan(figure.value) for figure in found.values())
