import json

import pytest

from cxrgate.gate.config import RunConfig
from cxrgate.gate.schema import config_schema


def sections(schema):
    yield schema
    yield from schema["$defs"].values()


def test_every_key_is_there_under_the_name_that_the_file_has_with_a_word_on_it():
    schema = config_schema()

    assert set(schema["properties"]) == {field.alias or name for name, field in RunConfig.model_fields.items()}
    assert "copy" in schema["$defs"]["ModelFolders"]["properties"]
    known = [item for part in sections(schema) for item in part.get("properties", {}).items()]
    silent = [name for name, value in known if "description" not in value]
    assert silent == []


def test_a_key_that_nobody_knows_is_an_error_to_editors_too():
    objects = [part for part in sections(config_schema()) if part.get("type") == "object"]

    assert len(objects) >= 4
    assert all(part["additionalProperties"] is False for part in objects)


def test_it_is_json_and_says_which_dialect():
    schema = json.loads(json.dumps(config_schema()))

    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["required"] == ["snapshot", "synthetic", "output"]


@pytest.mark.parametrize("name", ["Enrol", "PolicyConfig"])
def test_sections_are_described(name):
    assert len(config_schema()["$defs"][name]["description"].split()) > 3
