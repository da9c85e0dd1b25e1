from dataclasses import replace

import pytest
from support.fakes import POLICY, SMALL

from cxrgate.core import UsageError
from cxrgate.gate.binding import MINIMUM_FRONTALITY, SnapshotFacts, bind_policy, binding, resolve_defaults
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


def bound(side):
    own = models()
    rule = PolicyConfig(score_threshold=0.5)
    return bind_policy(rule, SnapshotFacts("snapshot", 10, own.digests), own, side)


def test_a_side_below_the_models_is_refused():
    assert bound(SMALL.height).side == SMALL.height
    with pytest.raises(UsageError, match=f"release.side.*{SMALL.height}.*{SMALL.height - 1}"):
        bound(SMALL.height - 1)


def test_a_certificate_is_for_the_side_that_it_was_measured_with():
    manifests = models().manifests

    assert binding(replace(POLICY, side=512), manifests)["side"] == 512
    assert "side" not in binding(POLICY, manifests)


def test_a_policy_without_a_side_has_the_digest_that_it_always_had():
    assert "side" not in POLICY.to_json()
    assert bound(None).digest != bound(SMALL.height).digest
