"""Cases that are made of enrolled images."""

from functools import partial

from support.fakes import picture

from cxrgate.planted import generator
from cxrgate.planted.classes.catalogue import GENERATED_STRENGTHS
from cxrgate.planted.origins import LeakOrigin, generated


def test_the_fit_of_a_generator_is_told_before_its_first_case(monkeypatch):
    monkeypatch.setattr(generator, "fit_generator", partial(generator.fit_generator, steps=2))
    origins, told = [LeakOrigin(f"{number}.png", "", picture(number)) for number in range(2)], []

    cases = generated(origins, lambda *step: told.append(step))
    next(cases)

    assert told == [("fit a generator", 1, 2)] * 2
    assert len(list(cases)) == 2 * len(GENERATED_STRENGTHS) - 1
