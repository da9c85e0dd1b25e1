"""Numbers of a configuration: a yes or a no is none, in any section."""

import pytest
import yaml
from pydantic import BaseModel

from cxrgate.calibration.leak_policy import LeakPolicy
from cxrgate.core import UsageError
from cxrgate.gate.config import PolicyConfig, RunConfig, make_section, read_rule
from cxrgate.gate.section import Section, _kinds

RUN = {"synthetic": "a", "output": "b", "snapshot": "c"}


def sections(kind):
    yield kind
    for field in kind.model_fields.values():
        for part in _kinds(field.annotation):
            if issubclass(part, BaseModel):
                yield from sections(part)


NUMBERS = [
    (kind, field.alias or name)
    for kind in dict.fromkeys([*sections(RunConfig), *sections(LeakPolicy)])
    for name, field in kind.model_fields.items()
    if _kinds(field.annotation) & {int, float}
]


def test_the_numbers_of_every_section_are_looked_at():
    names = {name for _, name in NUMBERS}

    assert {"score_threshold", "candidates", "side", "float_range", "batch_size", "workers", "rate", "days"} <= names
    assert len(NUMBERS) >= 19
    assert all(issubclass(kind, Section) for kind, _ in NUMBERS)


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize(("kind", "name"), NUMBERS, ids=[f"{kind.__name__}.{name}" for kind, name in NUMBERS])
def test_a_truth_value_is_no_number(kind, name, value):
    for given in (value, [0, value]):
        with pytest.raises(UsageError, match=rf"  {name}: expected a number, got {str(value).lower()}, as YAML reads"):
            make_section({name: given}, kind, "the file")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("score_threshold: yes", r"score_threshold: .* got true, as YAML reads yes, on and true: write .* or null"),
        ("candidates: true", r"candidates: .* got true, .*: write the number$"),
        ("minimum_frontality: off", r"minimum_frontality: .* got false, as YAML reads no, off and false"),
        ("match_threshold: no", r"match_threshold: .* got false"),
        ("borderline: on", r"borderline: .* got true"),
    ],
)
def test_a_rule_with_a_word_for_a_number_names_key_and_cure(tmp_path, text, wrong):
    (tmp_path / "config.yaml").write_text(f"policy: {{{text}}}\n")

    with pytest.raises(UsageError, match=rf"policy\.{wrong}"):
        read_rule(tmp_path / "config.yaml")


def test_numbers_words_and_texts_of_numbers_are_taken_as_before():
    text = "{score_threshold: 1, candidates: 5, minimum_typicality: '0.25', copy_threshold: default, false_flags: 0.1}"
    rule = PolicyConfig.model_validate(yaml.safe_load(text))

    assert (rule.score_threshold, rule.candidates, rule.minimum_typicality) == (1.0, 5, 0.25)
    assert (rule.copy_threshold, rule.false_flags, rule.minimum_frontality) == ("default", 0.1, "default")
    assert PolicyConfig(minimum_frontality=None, match_threshold="auto").minimum_frontality is None


def test_keys_that_are_a_yes_or_a_no_still_are():
    more = {"include_references": True, "enrol": {"images": "real", "every_image_is_a_patient": True}}
    settings = make_section({**RUN, **more, "float_range": [-1, 1]}, RunConfig, "the file")

    assert settings.include_references
    assert settings.enrol.every_image_is_a_patient
    assert settings.float_range == (-1.0, 1.0)
