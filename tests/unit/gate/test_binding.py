import pytest
from support.fakes import SMALL

from cxrgate.gate.binding import MINIMUM_FRONTALITY, resolve_defaults
from cxrgate.gate.config import PolicyConfig
from cxrgate.gate.model_set import ModelSet
from cxrgate.models import BANDS, Dtype, EmbedderArchitecture, ModelKind, ModelManifest


def models(*, retrieval=Dtype.FLOAT32, verification=Dtype.FLOAT32, frontality=0):
    shape = EmbedderArchitecture(frontality=frontality)
    manifests = {
        ModelKind.RETRIEVAL: ModelManifest("r", ModelKind.RETRIEVAL, shape, SMALL, retrieval, ""),
        ModelKind.VERIFICATION: ModelManifest(
            "v", ModelKind.VERIFICATION, EmbedderArchitecture(), SMALL, verification, ""
        ),
        ModelKind.COPY: ModelManifest("c", ModelKind.COPY, EmbedderArchitecture(), SMALL, Dtype.FLOAT32, "", 0.7),
    }
    return ModelSet(manifests, None, None)


def test_the_band_is_that_of_the_least_exact_model():
    assert models().band == BANDS[Dtype.FLOAT32] == 1e-4
    assert models(retrieval=Dtype.FLOAT16).band == BANDS[Dtype.FLOAT16]
    assert models(retrieval=Dtype.FLOAT16, verification=Dtype.BFLOAT16).band == BANDS[Dtype.BFLOAT16]


@pytest.mark.parametrize(("frontality", "minimum"), [(0, None), (4, MINIMUM_FRONTALITY)])
def test_a_rule_takes_the_numbers_that_the_models_give(frontality, minimum):
    rule = resolve_defaults(PolicyConfig(), models(frontality=frontality).manifests)

    assert (rule.copy_threshold, rule.minimum_frontality) == (0.7, minimum)


def test_a_rule_keeps_its_own_numbers():
    rule = PolicyConfig(copy_threshold=0.8, minimum_frontality=0.3)

    assert resolve_defaults(rule, models().manifests) == rule
