from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.fakes import POLICY, SMALL

from cxrgate.certification import create_signing_key, read_public_key, read_signing_key, sign
from cxrgate.certification.certificate import Certificate
from cxrgate.core import CertificateError, MismatchError, UsageError
from cxrgate.core.keypoints import METHOD
from cxrgate.gate.binding import (
    PolicyBinder,
    SnapshotFacts,
    bind_policy,
    binding,
    certified_rule,
    resolve_defaults,
)
from cxrgate.gate.config import GateConfig, PolicyConfig
from cxrgate.gate.model_set import ModelSet
from cxrgate.index.self_measurement import MATCHES
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


@pytest.mark.parametrize(("frontality", "minimum"), [(0, None), (4, 0.5)])
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


def certificate(**numbers):
    return Certificate("digest", numbers, datetime.now(UTC), {})


def test_a_rule_takes_the_numbers_of_its_certificate_where_it_names_none():
    rule = certified_rule(PolicyConfig(candidates=7), certificate(candidates=5, score_threshold=0.4))

    assert (rule.candidates, rule.score_threshold, rule.standout_threshold) == (7, 0.4, None)


@pytest.mark.parametrize("name", ["score_threshold", "standout_threshold"])
def test_the_borderline_lies_no_higher_than_what_is_certified(name):
    assert certified_rule(PolicyConfig(borderline=0.3), certificate(**{name: 0.2})).borderline == 0.2
    assert certified_rule(PolicyConfig(borderline=0.1), certificate(**{name: 0.2})).borderline == 0.1


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    return create_signing_key(tmp_path_factory.mktemp("keys") / "key")


def config(**certification):
    return GateConfig(models=dict.fromkeys(("retrieval", "verification", "copy"), "m"), snapshot="s", **certification)


def test_a_certificate_is_required_where_the_configuration_says_so(public):
    required = PolicyBinder.of(config(certification="required", certification_key=public), models())

    assert PolicyBinder.of(config(), models()).key is None
    assert required.key == read_public_key(public)


def signed(public, parts, expires):
    statement = {"format": 2, "binding": parts, "expires": expires.isoformat()}
    return sign(statement, read_signing_key(public.with_suffix("")))


def test_where_one_is_required_nothing_is_bound_without_a_current_one_for_this_gate(public):
    own, later = models(), datetime.now(UTC) + timedelta(days=1)
    rule, facts = PolicyConfig(score_threshold=0.5), SnapshotFacts("snapshot", 10, own.digests)
    free, required = PolicyBinder(rule, own), PolicyBinder(rule, own, read_public_key(public))
    policy, none = free.bind(facts, None)
    parts = binding(policy, own.manifests)

    assert none is None
    assert required.bind(facts, signed(public, parts, later))[0] == policy
    for content, said in [
        (None, "there is no certificate"),
        (signed(public, parts, datetime.now(UTC)), "expired"),
        (signed(public, parts | {"score_threshold": 0.6}, later), r"score_threshold: 0\.6, here 0\.5"),
        (signed(public, parts, later).replace(b"snapshot", b"snapshoT"), "was changed after it was signed"),
    ]:
        with pytest.raises(CertificateError, match=said):
            required.bind(facts, content)


def matched(rule, method=METHOD):
    own = models()
    return bind_policy(rule, SnapshotFacts("snapshot", 10, own.digests, match_method=method), own)


MATCHING = PolicyConfig(score_threshold=0.5, match_threshold=40)


def test_a_policy_that_asks_for_matches_names_how_they_are_made():
    policy = matched(MATCHING)

    assert (policy.match_threshold, policy.match_method) == (40, METHOD)
    assert {"match_threshold": 40, "match_method": METHOD}.items() <= binding(policy, models().manifests).items()
    assert matched(PolicyConfig(score_threshold=0.5)).match_method is None


@pytest.mark.parametrize(("method", "said"), [(None, "keeps no keypoints"), ("other", "of another version")])
def test_a_snapshot_without_the_keypoints_that_are_asked_for_is_refused(method, said):
    with pytest.raises(MismatchError, match=f"match_threshold.*{said}.*enrol again"):
        matched(MATCHING, method)


def test_without_a_measurement_auto_is_the_number_measured_on_public_radiographs():
    assert matched(PolicyConfig(score_threshold=0.5, match_threshold="auto")).match_threshold == MATCHES
