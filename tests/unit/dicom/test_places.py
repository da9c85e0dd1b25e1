"""Whose place is given to another, over real sockets and without a receiver."""

import socket
import time

import pytest

from cxrgate.dicom import places
from cxrgate.dicom.places import ADDRESS_CONNECTIONS, ASSOCIATIONS, CONNECTIONS, HOLDER_ASSOCIATIONS, Places
from cxrgate.dicom.visitor import QUIET_SECONDS, WHOLE_SECONDS, Visitor


@pytest.fixture
def come():
    """Make a visitor of an address."""
    opened = []

    def make(address="a"):
        ours, theirs = socket.socketpair()
        opened.extend([ours, theirs])
        return Visitor(ours, address)

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def room(monkeypatch):
    monkeypatch.setattr(places, "ADMIT_SECONDS", 0.2)
    return Places()


def associated(room, come, count, holder="a", ago=0.0):
    """Holders of associations that sent bytes just now and a whole message `ago` seconds ago."""
    made = [come(holder) for _ in range(count)]
    for each in made:
        room.enter(each)
        assert room.admit(each, holder)
        each.whole -= ago
    return made


def newcomer(room, come, holder):
    visitor = come(holder)
    room.enter(visitor)
    return room.admit(visitor, holder)


def test_a_further_connection_of_an_address_closes_its_oldest_and_nobody_elses(room, come):
    other = come("b")
    room.enter(other)
    mine = [come("a") for _ in range(ADDRESS_CONNECTIONS + 2)]
    for each in mine:
        room.enter(each)

    assert [each.closed for each in mine] == [True] * 2 + [False] * ADDRESS_CONNECTIONS
    assert not other.closed


def test_of_many_addresses_the_one_with_most_connections_gives_way(room, come):
    few = [come(f"b{number}") for number in range(CONNECTIONS - 2)]
    many = [come("a") for _ in range(3)]
    for each in [*few, *many]:
        room.enter(each)

    assert [each.closed for each in many] == [True, False, False]
    assert not any(each.closed for each in few)


def test_a_silent_association_gives_way_and_the_longest_without_a_message_first(room, come):
    held = associated(room, come, HOLDER_ASSOCIATIONS)
    for each in held:
        each.spoke -= 2 * QUIET_SECONDS
    held[3].whole -= 5

    assert newcomer(room, come, "a")
    assert [each.closed for each in held] == [number == 3 for number in range(HOLDER_ASSOCIATIONS)]


def test_who_brings_no_message_to_its_end_gives_way_though_it_sends(room, come):
    held = associated(room, come, HOLDER_ASSOCIATIONS, ago=2 * WHOLE_SECONDS)

    assert newcomer(room, come, "a")
    assert sum(each.closed for each in held) == 1


def test_where_all_are_at_work_a_further_one_is_refused_and_another_holder_is_not(room, come):
    held = associated(room, come, HOLDER_ASSOCIATIONS)

    assert not newcomer(room, come, "a")
    assert newcomer(room, come, "b")
    assert not any(each.closed for each in held)


def test_where_all_places_are_taken_no_holder_at_work_is_ended(room, come):
    held = [each for holder in "ab" for each in associated(room, come, ASSOCIATIONS // 2, holder)]

    assert not newcomer(room, come, "c")
    assert not any(each.closed for each in held)


def test_whose_image_is_being_stored_does_not_give_way(room, come):
    held = associated(room, come, HOLDER_ASSOCIATIONS, ago=2 * WHOLE_SECONDS)
    for each in held:
        each.served = True

    assert not newcomer(room, come, "a")
    room.close_overdue()
    assert not any(each.closed for each in held)


def test_what_takes_too_long_is_closed(room, come, monkeypatch):
    monkeypatch.setattr(places, "REQUEST_SECONDS", 0.1)
    monkeypatch.setattr(places, "MESSAGE_SECONDS", 60)
    (slow,), (working,) = associated(room, come, 1, "a", 120), associated(room, come, 1, "b")
    silent = come()
    room.enter(silent)
    time.sleep(0.2)
    room.close_overdue()

    assert (slow.closed, working.closed, silent.closed) == (True, False, True)
