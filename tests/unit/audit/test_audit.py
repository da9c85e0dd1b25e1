"""The steps of an audit, each told as it comes."""

from types import SimpleNamespace

from cxrgate.audit import audit as module
from cxrgate.core.progress import silent


def test_the_fit_of_the_generator_is_told_to_whom_the_other_steps_are(monkeypatch):
    told = []
    monkeypatch.setattr(module, "generated", lambda _, progress: told.append(progress) or iter(()))
    parts = SimpleNamespace(siblings=[], test=[])

    steps = list(module._steps(parts, [], [], SimpleNamespace(key=b"", progress=silent)))

    assert [name for name, _, _ in steps][2] == "plant generated ones"
    assert told == [silent]
