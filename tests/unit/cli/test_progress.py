import pytest

from cxrgate.cli.progress import FIRST, SELDOM, Steps


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_short_step_says_nothing(clock):
    steps = Steps(clock)
    steps("check", 5, 5)

    assert steps.due() is None


def test_a_long_step_says_where_it_is_how_long_it_took_and_how_long_it_will(clock):
    steps = Steps(clock)
    steps("check", 0, 4000)
    clock.now = FIRST
    steps("check", 1000, 4000)

    assert steps.due() == "check: 1,000 of 4,000 (25 %) after 30 s, about 90 s left".replace("90 s", "2 min")
    assert steps.due() is None


def test_lines_of_a_log_become_rare_and_the_end_of_a_long_step_is_said(clock):
    steps, lines = Steps(clock), []
    for hour in range(1, 13 * 3600):
        clock.now = float(hour)
        steps("enrol", 1, 13 * 3600 - 1)
        if line := steps.due():
            lines.append(line)

    assert 60 < len(lines) < 150
    assert lines[-1].startswith("enrol: 46,799 of 46,799 (100 %) after 13 h 0 min")
    assert steps.current.due <= clock.now + SELDOM


def test_an_interrupted_command_says_how_far_it_came(clock):
    steps = Steps(clock)
    assert steps.stopped == "stopped before anything was computed"
    steps("enrol", 60, 60)
    steps("check", 3, 20)

    assert steps.stopped == "stopped at check, 3 of 20"


def test_the_next_step_begins_anew(clock):
    steps = Steps(clock)
    steps("look", 10, 10)
    steps("look", 1, 5)

    assert (steps.current.done, steps.current.total) == (1, 5)


def test_an_amount_that_nobody_knows_has_no_share(clock):
    steps = Steps(clock)
    steps("check", 0, 0)
    clock.now = FIRST
    steps("check", 7, 0)

    assert steps.due() == "check: 7 after 30 s"
