"""What is said of keys that are wrong: in words of a configuration, one line for each."""

import pytest
import yaml

from cxrgate.calibration.leak_policy import LeakPolicy
from cxrgate.core import UsageError
from cxrgate.gate.config import RunConfig, make_section

RUN = {"synthetic": "a", "output": "b", "snapshot": "c"}
PAIR = "{class: identical, strength: same pixels, rate: 0.2}"


def lines(content, kind=RunConfig):
    with pytest.raises(UsageError) as caught:
        make_section(content, kind, "the file")
    return str(caught.value).splitlines()[1:]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("models: 5", "models: expected keys with their values or 'shipped' or a path, got 5"),
        ("models: {retrieval: a}", "models.verification: Field required"),
        ("enrol: {images: 5}", "enrol.images: expected a path, got 5"),
        ("enrol: real.csv", "enrol: expected keys with their values, got real.csv"),
        ("enrol: {images: r, splits: 5}", "enrol.splits: expected a path or a list, got 5"),
        ("enrol: {images: r, columns: {image: 3}}", "enrol.columns.image: expected text, got 3"),
        ("policy: {copy_threshold: high}", "policy.copy_threshold: expected a number or 'default', got high"),
        ("policy: []", "policy: expected keys with their values, got a list"),
        ("workers: many", "workers: expected a whole number or 'auto', got many"),
        ("engine: x", "engine: expected 'codes', 'matrix' or 'kdtree', got x"),
        ("include_references: maybe", "include_references: expected true or false, got maybe"),
        ("float_range: [1]", "float_range.1: Field required"),
        ("synthetik: 3", "synthetik: Extra inputs are not permitted: no such key; did you mean synthetic?"),
        (f"workers: {'x' * 99}", f"workers: expected a whole number or 'auto', got {'x' * 40}..."),
    ],
)
def test_a_wrong_value_is_one_line_without_the_names_of_types(text, told):
    assert lines({**RUN, **yaml.safe_load(text)}) == [f"  {told}"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("5", "expected a number less than or equal to 0.5, got 5; 5 % is written as 0.05"),
        ("5%", "expected a number, got 5%; 5 % is written as 0.05"),
        ("0,05", "expected a number, got 0,05"),
        ("-1", "expected a number greater than or equal to 0.001, got -1"),
        ("500", "expected a number less than or equal to 0.5, got 500"),
    ],
)
def test_a_percentage_in_place_of_a_share_is_told_how_it_is_written(value, told):
    assert lines({**RUN, "policy": {"false_flags": yaml.safe_load(value)}}) == [f"  policy.false_flags: {told}"]


@pytest.mark.parametrize(("content", "got"), [(None, "nothing"), ([1], "a list"), ("text", "text")])
def test_a_file_that_is_no_section_is_said_to_be_none(content, got):
    assert lines(content) == [f"  file: expected keys with their values, got {got}"]


def test_the_place_in_a_list_of_sections_is_named():
    told = lines(yaml.safe_load(f"certified: [{PAIR}]\nfalse_flags: 0.2\ndays: 30\n"), LeakPolicy)

    assert told[0].startswith("  certified.0.rate: expected a number less than or equal to 0.09, got 0.2")
