"""What a run is told. One YAML file; relative paths count from that file's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxrgate.core import UsageError
from cxrgate.images import Layout
from cxrgate.index import EngineName


class Section(BaseModel):
    """A part of a configuration: every key is known, nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


SectionType = TypeVar("SectionType", bound=Section)


class ModelFolders(Section):
    """The two model folders."""

    retrieval: Path
    verification: Path


class Rule(Section):
    """The default rule; core.policy.Policy says what each number means."""

    candidates: Annotated[int, Field(ge=1)] = 3
    score_threshold: Annotated[float, Field(gt=0, le=1)] = 0.5
    borderline: Annotated[float, Field(gt=0, le=1)] = 0.4
    # Measured on 5,375 radiographs of 3,750 patients: different patients reach 0.925 at most (0.872 at the 99.9th
    # percentile), JPEG quality 10 and rescaling to 64 px stay above 0.97. Uncertified all the same.
    copy_threshold: Annotated[float, Field(gt=0, le=1)] | None = 0.9
    # Of the same radiographs 0.1 % lie below, the inverted ones among them; white noise stays below 0.05.
    minimum_typicality: Annotated[float, Field(ge=-1, lt=1)] = 0.1


class Enrol(Section):
    """Real images to build the snapshot from where it does not exist yet; layout and splits as for list_source."""

    images: Path
    key: Path
    reference_map: Path
    exclude: Path | None = None
    layout: Layout | None = None
    splits: Path | None = None


class RunConfig(Section):
    """One run of the filter."""

    synthetic: Path
    output: Path
    snapshot: Path
    models: ModelFolders
    enrol: Enrol | None = None
    policy: Rule = Rule()
    engine: EngineName = EngineName.MATRIX
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 16
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    device: str = "cpu"
    certification: Literal["none"] = "none"
    include_references: bool = False


def read_config(path: Path) -> RunConfig:
    """Read and check the configuration of a run; errors as read_section."""
    return read_section(path, RunConfig)


def read_section(path: Path, kind: type[SectionType]) -> SectionType:
    """Read and check a YAML file of that kind.

    Raises:
        UsageError: no such file, not YAML, a key that is unknown or missing, or a value out of range.
    """
    try:
        section = kind.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"expected a YAML file, {path}: {error}") from error
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
        raise UsageError("\n".join([f"{path}: expected another configuration", *lines])) from error
    return _absolute(section, path.parent)


def _absolute(section: SectionType, root: Path) -> SectionType:
    def resolve(value: Any) -> Any:
        if isinstance(value, Path):
            return root / value
        return _absolute(value, root) if isinstance(value, Section) else value

    return section.model_copy(update={name: resolve(value) for name, value in section})
