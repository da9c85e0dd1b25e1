"""The benchmark of growth in its short form: that it measures, not how much."""

from benchmarks.references.figures import references_figures
from benchmarks.search.embeddings import SHIPPED


def test_every_space_and_number_of_references_is_measured():
    found = references_figures((300,), (600,))["growth_over_references"]

    assert found["all_spaces"]["300"]["spaces"].keys() == set(SHIPPED)
    for sizes in found.values():
        for each in sizes.values():
            assert each["peak_gib"] > 0
            assert all(value > 0 for space in each["spaces"].values() for value in space["milliseconds"].values())
