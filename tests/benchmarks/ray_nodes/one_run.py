"""One run by the shipped models in a process of its own: prints what it took as a line of JSON.

Usage: python -m benchmarks.ray_nodes.one_run FOLDER NAME OUTPUT NODES, with what `pipeline.inputs` writes.

NODES 0 is this process without Ray, on one core. 1 and 2 are Ray nodes of one core each; each node's processes may run
on its core alone. With one node the driver and Ray's head share that core, so that nothing but Ray is added to what a
run without it had; with two nodes they use both cores.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from benchmarks.pipeline.inputs import STORE, config

from cxrgate.run.run import run


@contextmanager
def engine(nodes: int, cores: list[int]):
    """The engine over so many nodes; None is this process."""
    if nodes == 0:
        yield None
        return
    from support.ray_cluster import LOOPBACK, ray_cluster  # noqa: PLC0415 - sets Ray up, which a run without has not

    from cxrgate.run.engines.ray.engine import ray_engine  # noqa: PLC0415 - imports Ray

    with ray_cluster(0) as cluster:
        for core in cores[:nodes]:
            os.sched_setaffinity(0, [core])  # what this thread starts is bound to it as well
            cluster.add_node(num_cpus=1, node_ip_address=LOOPBACK)
        os.sched_setaffinity(0, cores[:nodes])
        with ray_engine(cluster.address) as ready:
            yield ready


def main(folder: str, name: str, output: str, nodes: str) -> None:
    """Run and print."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[: max(1, int(nodes))])
    started = time.perf_counter()
    with engine(int(nodes), cores) as ready:
        summary = run(config(Path(folder), name, STORE, Path(output)), engine=ready)
    whole = time.perf_counter() - started
    print(json.dumps({"images": summary.checked, "seconds": summary.seconds, "whole_seconds": whole}))


if __name__ == "__main__":
    main(*sys.argv[1:])
