"""Ray on this host with several nodes, each with one core of its own; nothing but loopback."""

from __future__ import annotations

import os
from contextlib import contextmanager

LOOPBACK = "127.0.0.2"

# Before Ray is imported. On a busy machine its own helpers take longer to start than it waits for them by itself.
os.environ.update(
    {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_agent_register_timeout_ms": "300000",
        "RAY_raylet_start_wait_time_s": "300",
    }
)


@contextmanager
def ray_cluster(nodes: int, cores: int = 1):
    """A cluster of `nodes` nodes with so many cores; its head has none, so that every node can be killed."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - slow

    head = {"num_cpus": 0, "node_ip_address": LOOPBACK, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=cores, node_ip_address=LOOPBACK)
        yield cluster
    finally:
        cluster.shutdown()
