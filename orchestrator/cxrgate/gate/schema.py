"""The JSON Schema of a run's configuration, for editors, made from where the keys are declared."""

from __future__ import annotations

from typing import Any

from cxrgate.gate.config import RunConfig

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def config_schema() -> dict[str, Any]:
    """The schema; keys that a configuration does not know are errors, as they are to `read_config`."""
    schema = RunConfig.model_json_schema(by_alias=True)
    return {"$schema": DIALECT, **schema, "title": "cxrgate config.yaml"}
