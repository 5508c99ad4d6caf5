"""What the scripts of Python check with, and how they wait."""

import time

from redis.cluster import ClusterNode, RedisCluster

LIMIT = 60


def check(what, given, expected):
    if given != expected:
        raise AssertionError(f"{what}: {given!r} instead of {expected!r}")


def wait_for(what, condition):
    """Asks until the answer is true, and returns it; fails when that takes more than LIMIT seconds."""
    deadline = time.monotonic() + LIMIT
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.002)
    return answer


def empty_cluster(ports, protocol):
    """A client of the cluster of these ports, which holds nothing from here on."""
    nodes = [ClusterNode("127.0.0.1", port) for port in ports]
    client = RedisCluster(startup_nodes=nodes, protocol=protocol, decode_responses=True)
    client.flushall(target_nodes=RedisCluster.PRIMARIES)
    return client
