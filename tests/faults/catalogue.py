"""Every group of faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from faults import clocks, disks, kills, lifecycle, memory, peers, processes, receiver, rot, wrong_answers
from faults.tries import Bench, NotTried, Try


def every_fault() -> dict[str, Callable[[Bench], Iterable[Try | NotTried]]]:
    """By name of the group, what tries it."""
    return {
        "kills at failpoints": kills.at_failpoints,
        "kills at random": kills.at_random,
        "disks, calls": disks.of_calls,
        "disks, full": disks.full,
        "memory": memory.exhausted,
        "rot": rot.of_files,
        "wrong answers": wrong_answers.of_stages,
        "processes, stopped": processes.stopped,
        "processes, two owners": processes.two_owners,
        "processes, decoders": processes.dying_decoders,
        "processes, changed files": processes.changed_files,
        "peers, index": peers.of_the_index,
        "peers, model server": peers.of_the_model_server,
        "peers, cut link": peers.over_a_cut_link,
        "lifecycle": lifecycle.of_services,
        "receiver": receiver.outages,
        "clocks": clocks.jumps,
    }
