"""A part of a configuration, and what no part takes: a truth value in place of a number."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Section(BaseModel):
    """A part of a configuration: every key is known and described, nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic would take a yes for 1 and a no for 0: as a score_threshold, for a rule that flags next to nothing.

        Raises:
            ValueError: a truth value for a field that has numbers and no truth values; pydantic names the field.
        """
        kinds = _kinds(cls.model_fields[str(info.field_name)].annotation)
        if kinds & {int, float} and bool not in kinds and (truth := _truth(value)) is not None:
            way_out = "write the number, or null" if type(None) in kinds else "write the number"
            words = "yes, on and true" if truth else "no, off and false"
            raise ValueError(f"expected a number, got {str(truth).lower()}, as YAML reads {words}: {way_out}")
        return value


def _kinds(annotation: Any) -> set[type]:
    """The types that an annotation is made of."""
    if isinstance(annotation, type) and not get_args(annotation):
        return {annotation}
    return {kind for part in get_args(annotation) for kind in _kinds(part)}


def _truth(value: Any) -> bool | None:
    """The truth value that stands there, or in a list of numbers."""
    values = value if isinstance(value, list | tuple) else [value]
    return next((part for part in values if isinstance(part, bool)), None)
