"""What is shipped beside a set of models for the snapshots that they make: how standouts are made, and a curve.

`false_flags.json` in a model store names the three models that it was measured with; with others it says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cxrgate.core import ModelError
from cxrgate.core.heads import Head
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.core.standout import Standout
from cxrgate.index.false_flag_curve import FalseFlagCurve
from cxrgate.index.self_measurement import MeasurementTerms
from cxrgate.models import ModelKind, ModelManifest
from cxrgate.models.local import own_threshold
from cxrgate.storage.regular_file import read_regular_file

FALSE_FLAGS = "false_flags.json"
LIMITS = {"copy_limit": 0.93}
"""What a file for the shipped models says: no rate raises a threshold above. 99.2 % of medium copies of 250 radiographs
of the tune part have a higher copy similarity."""
_LIMIT = 1 / 3
"""How far above its own threshold a copy descriptor's may be raised, on the way to 1: with the shipped copy model 99 %
of medium copies lie above."""


def measurement_terms(store: Path, manifests: Mapping[ModelKind, ModelManifest], head: Head) -> MeasurementTerms:
    """For the models of a store; without a file of theirs nothing is known before a snapshot measures itself.

    Raises:
        ModelError: the file cannot be read.
    """
    own = own_threshold(manifests.get(ModelKind.COPY))
    plain = MeasurementTerms(head, Standout(), own, own + _LIMIT * (1 - own))
    path = store / FALSE_FLAGS
    if not path.is_file():
        return plain
    try:
        value = parse_json(read_regular_file(path))
        if value["models"] != {kind.value: manifest.digest for kind, manifest in manifests.items()}:
            return plain
        return MeasurementTerms(
            head,
            Standout.from_json(value["standout"]),
            own,
            float(value["copy_limit"]),
            FalseFlagCurve.from_json(value["curve"]),
        )
    except (OSError, *MALFORMED) as error:
        raise ModelError(f"{path}: it cannot be read ({error!r}); take it from the release, or remove it") from error
