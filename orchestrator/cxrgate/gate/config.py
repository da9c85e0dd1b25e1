"""The configuration of a run: one YAML file; relative paths count from that file's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    field_validator,
    model_validator,
)

from cxrgate.core import UsageError
from cxrgate.core.keypoints import KEYPOINTS
from cxrgate.core.policy import FEWEST_MATCHES
from cxrgate.core.shipped import SHIPPED, shipped_models
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.gate.section import Section
from cxrgate.gate.suggestions import explain
from cxrgate.gate.workers import count_workers
from cxrgate.images import Layout, PatientRule, SourceOptions
from cxrgate.images.sources.tables import is_table
from cxrgate.index import EngineName, read_storage_key
from cxrgate.index.self_measurement import RATES
from cxrgate.models import ModelKind
from cxrgate.models.devices import device_name
from cxrgate.models.dtypes import DtypeChoice
from cxrgate.storage.yaml_file import read_yaml

SectionType = TypeVar("SectionType", bound=Section)


_BORDERLINE = 0.8
"""Of the threshold: where images are listed from, as 0.4 is of the default 0.5."""


class ModelFolders(Section):
    """The model folders; without a copy model the copy space holds the weight-free descriptor."""

    retrieval: Path
    """The model that finds a patient's other images."""
    verification: Path
    """The model that judges whether two images show one patient."""
    copying: Path | None = Field(default=None, alias="copy")
    """The model that finds copies of a picture; without it the copy space holds the weight-free descriptor alone."""

    @classmethod
    def of(cls, store: Path) -> ModelFolders:
        """The folders of a model store: retrieval, verification, and those of the cosine spaces that are there."""
        spaces = {space.name: store / space.name for space in COSINE_SPACES if (store / space.name).is_dir()}
        return cls.model_validate({**{kind: store / kind for kind in ("retrieval", "verification")}, **spaces})

    @property
    def paths(self) -> dict[ModelKind, Path]:
        """The folder of each model that there is."""
        named = self.model_dump(by_alias=True)
        return {kind: named[kind.value] for kind in ModelKind if named[kind.value] is not None}


class PolicyConfig(Section):
    """The default rule; core.policy.Policy says what each number means."""

    candidates: Annotated[int, Field(ge=1)] = 3
    """Nearest enrolled images per space that are verified."""
    false_flags: Annotated[float, Field(ge=RATES[0], le=RATES[-1])] = 0.05
    """The share of unenrolled patients that may be flagged; the snapshot's measurement of itself has the thresholds."""
    standout_threshold: Annotated[float, Field(gt=0, le=1)] | None = None
    """In place of the one for `false_flags`."""
    score_threshold: Annotated[float, Field(gt=0, le=1)] | None = None
    """With it the same-patient score decides, and neither the standout nor `false_flags`."""
    borderline: Annotated[float, Field(gt=0, le=1)] = 0.4
    """Released images from here on are listed for a look; it follows a threshold below it."""
    copy_threshold: Annotated[float, Field(gt=0, le=1)] | Literal["default"] | None = "default"
    """`default` is the one for `false_flags`, and with a score_threshold the copy model's own, or the weight-free
    descriptor's; null: no copy space."""
    match_threshold: Annotated[int, Field(ge=FEWEST_MATCHES, le=KEYPOINTS)] | Literal["auto"] | None = None
    """So many keypoints of an image that one turn, shift and scale takes to those of an enrolled image make it a copy;
    `auto` is the number for `false_flags`, 44 or more; null: keypoints are neither kept at enrolment nor looked for."""
    # Of 5,375 radiographs 0.1 % lie below, the inverted ones among them; white noise stays below 0.05.
    minimum_typicality: Annotated[float, Field(ge=-1, lt=1)] = 0.1
    """Images whose layout is less typical of the enrolled ones get no answer."""
    minimum_frontality: Annotated[float, Field(ge=0, lt=1)] | Literal["default"] | None = "default"
    """`default` is 0.5 where the retrieval model says it, at which such models are calibrated; null: not looked at."""

    @model_validator(mode="after")
    def _in_order(self) -> PolicyConfig:
        """A borderline that nobody gave follows a threshold below it; one that was given must not be above it."""
        name = "standout_threshold" if self.score_threshold is None else "score_threshold"
        threshold = getattr(self, name)
        if threshold is None or self.borderline <= threshold:
            return self
        if "borderline" in self.model_fields_set:
            raise ValueError(
                f"expected a borderline of at most {name}, got {self.borderline:g} and {threshold:g}: images between "
                "the two are released, but listed"
            )
        # Not as a field that is set: under a certificate what is set counts as asked for.
        self.__dict__["borderline"] = _BORDERLINE * threshold
        return self


class ReleaseConfig(Section):
    """What released images are like."""

    # With the limits of aspect and shorter side (4 and 64) what is released can be read again.
    side: Annotated[int, Field(ge=256, le=8192)] | None = None
    """Larger images are made smaller, to as many pixels on the longer side, before they are judged; null: none are."""


def _rising(value: tuple[float, float]) -> tuple[float, float]:
    if not value[0] < value[1]:
        raise ValueError(f"expected black below white, such as [-1, 1], got {list(value)}")
    return value


FloatRange = Annotated[tuple[FiniteFloat, FiniteFloat], AfterValidator(_rising)]


class Enrol(Section):
    """Real images to build the snapshot from where it does not exist yet; how to list them as for SourceOptions."""

    images: Path
    """A CSV with the columns image and patient_id, a folder, or a data set's root."""
    key: Path = Path("private/key")
    """The HMAC key of the opaque ids, made on the first run; keep it on the enrolment host."""
    reference_map: Path = Path("private/map.csv")
    """Where the way back from opaque ids to files and patients is written; keep it on the enrolment host."""
    exclude: Path | None = None
    """A file with one image per line that is not enrolled, such as failed.txt; copies of those images pass."""
    layout: Layout | None = None
    """How the images are laid out. Without it a table is a list, and a folder the data set whose tables lie in it,
    which is said, or a plain folder; `folder` says that it is plain whatever lies in it."""
    splits: Path | tuple[str, ...] | None = None
    """Names of splits, or `all`; a path ending in .csv or .csv.gz is MIMIC-CXR's table of splits."""
    views: Literal["frontal", "all"] = "frontal"
    """`all` enrols lateral views too, which no model ever saw."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Per column of ours the name that it has in the table, such as patient_id: subject_id."""
    every_image_is_a_patient: bool = False
    """The explicit word for images without a patient: each counts as another patient's."""
    float_range: FloatRange | None = None
    """What the floats of .npy and .npz arrays call black and white, such as [-1, 1]; without it they are refused."""

    @field_validator("splits", mode="before")
    @classmethod
    def _names_or_table(cls, value: Any) -> Any:
        """A name that is no table's is a split's."""
        if isinstance(value, str):
            return Path(value) if is_table(Path(value)) else (value,)
        return tuple(value) if isinstance(value, list) else value

    @property
    def options(self) -> SourceOptions:
        """How to list the images."""
        table, names = (self.splits, ()) if isinstance(self.splits, Path) else (None, self.splits or ())
        return SourceOptions(
            layout=self.layout,
            recognise=True,
            split_table=table,
            splits=names,
            all_views=self.views == "all",
            columns=self.columns,
            patients=PatientRule.EACH_IMAGE if self.every_image_is_a_patient else PatientRule.REQUIRED,
            float_range=self.float_range,
        )


class GateConfig(Section):
    """What a gate is opened with: models, policy and snapshot, and how it computes."""

    snapshot: Path
    """The enrolled images; a run builds it from what `enrol` says where it is not there yet."""
    models: ModelFolders | Literal["shipped"] | Path = SHIPPED
    """The three folders, or a model store that holds them; `shipped`: those that cxrgate comes with."""
    policy: PolicyConfig = PolicyConfig()
    """The rule by which an image is released."""
    release: ReleaseConfig = ReleaseConfig()
    """The size of what is judged and released."""
    engine: EngineName = EngineName.CODES
    """How the exact search is done; all three give the same answers, `codes` fastest."""
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 16
    """Images that go through the models together; it changes no verdict."""
    workers: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = "auto"
    """Processes that decode, and in a run as many that write what it releases; they change no verdict. `auto`: one of
    each per two cores where the CPU runs the models, for a GPU one per core but one, and never more than half of the
    free memory holds at 0.5 GiB each, nor than 16. Cores are those that affinity and the container's quota leave."""
    device: Annotated[str, AfterValidator(device_name)] = "cpu"
    """`cpu`, `cuda` for a GPU, or `cuda:1` for the second one."""
    model_server: str | None = None
    """Where the models are served, as for --models, which goes before it; null: they run in this process."""
    dtype: DtypeChoice | None = None
    """What the models compute in, enrolment's too: null as their folders say; `auto`, see gate.dtypes.DtypeRule."""
    certification: Literal["none", "required"] = "none"
    """`required`: nothing is released unless a current certificate lies beside the snapshot."""
    certification_key: Path | None = None
    """The public key of whoever certifies."""
    storage_key: Path | None = None
    """The key that snapshot and journal are sealed with; kept outside the volume that they lie on."""

    @model_validator(mode="after")
    def _key_known(self) -> Self:
        if self.certification == "required" and self.certification_key is None:
            raise ValueError("certification: required needs certification_key, the public key of whoever certifies")
        return self

    def expect_certification(self, key: Path | None) -> None:
        """Raise UsageError unless certificates by this key are required; None expects nothing."""
        if key is not None and (self.certification, self.certification_key) != ("required", key.absolute()):
            raise UsageError(f"the configuration must say certification: required and certification_key: {key}")

    def read_storage_key(self) -> bytes | None:
        """The storage key, None where nothing is sealed; errors as read_key."""
        return None if self.storage_key is None else read_storage_key(self.storage_key)

    @property
    def decode_workers(self) -> int:
        """How many processes decode on this machine, see gate.workers.count_workers."""
        return count_workers(self.workers, self.device)

    @property
    def folders(self) -> ModelFolders:
        """The model folders, looked up in the store where `models` is one; errors as shipped_models."""
        if isinstance(self.models, ModelFolders):
            return self.models
        return ModelFolders.of(self.models if isinstance(self.models, Path) else shipped_models())


class RunConfig(GateConfig):
    """One run of the filter."""

    synthetic: Path
    """The images to check: a folder (class folders are kept) or a CSV with the column image."""
    output: Path
    """Where released set, page, results and journal are written."""
    enrol: Enrol | None = None
    """Which real images the snapshot must hold; without it the snapshot is taken as it is."""
    float_range: FloatRange | None = None
    """What the floats of synthetic .npy and .npz arrays call black and white; without it they are refused."""
    include_references: bool = False
    """Put flagged images beside the real ones on the run page; only for those who may see them."""
    invented_patients: bool = False
    """The enrolled patients are drawings, as the demo's are: all pages say so. Never true of real images."""
    review: Path | None = None
    """The reviewers' log; what they withheld is not published."""


class RuleConfig(Section):
    """The rule of a configuration of any kind, whose other keys are not looked at."""

    model_config = ConfigDict(extra="ignore")

    policy: PolicyConfig
    """See GateConfig."""


def read_rule(path: Path) -> PolicyConfig:
    """Read the rule of a configuration, which must have one; errors as read_section."""
    return read_section(path, RuleConfig).policy


def read_config(path: Path) -> RunConfig:
    """Read and check the configuration of a run; errors as read_section."""
    return read_section(path, RunConfig)


def read_section(path: Path, kind: type[SectionType]) -> SectionType:
    """Read and check a YAML file of that kind.

    Raises:
        UsageError: no such file, not YAML, a key that is unknown or missing, or a value out of range.
    """
    return _absolute(make_section(read_yaml(path), kind, str(path)), path.parent)


def make_section(content: Any, kind: type[SectionType], place: str) -> SectionType:
    """Check the content of a section; UsageError, which begins with `place`, names every key that is wrong."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        lines = explain(kind, error.errors())
        raise UsageError("\n".join([f"{place}: these keys are wrong", *lines])) from error


def _absolute(section: SectionType, root: Path) -> SectionType:
    def resolve(value: Any) -> Any:
        if isinstance(value, Path):
            return root / value
        return _absolute(value, root) if isinstance(value, Section) else value

    # What the file does not set stays unset, places aside: a certified rule takes those numbers from its certificate.
    places = {name for name, field in type(section).model_fields.items() if isinstance(field.default, Path)}
    names = section.model_fields_set | places
    return section.model_copy(update={name: resolve(getattr(section, name)) for name in names})
