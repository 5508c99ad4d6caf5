"""redis-py against a server and a cluster: `redis_py.py <port> <cluster port>...`; ends with 0 when all holds."""

import sys

import redis
from redis.cluster import RedisCluster

from checks import check, empty_cluster


def plain(port, protocol):
    client = redis.Redis(port=port, protocol=protocol, decode_responses=True)
    client.flushall()
    check("ping", client.ping(), True)
    check("set", client.set("k", "värde", ex=100), True)
    check("get", client.get("k"), "värde")
    check("ttl", 98 <= client.ttl("k") <= 100, True)
    check("set nx", client.set("k", "x", nx=True), None)
    check("incr", [client.incr("n"), client.incrby("n", 5), client.decr("n")], [1, 6, 5])
    check("incrbyfloat", client.incrbyfloat("f", 10.5), 10.5)
    check("mset", client.mset({"a": 1, "b": 2}), True)
    check("mget", client.mget("a", "missing", "b"), ["1", None, "2"])
    check("getrange", client.getrange("k", 0, 0), "v")
    check("exists", client.exists("a", "b", "missing"), 2)
    check("delete", client.delete("a", "b"), 2)
    check("type", client.type("k"), "string")
    check("object", client.object("encoding", "n"), "int")
    check("rename", client.rename("n", "m"), True)
    check("dbsize", client.dbsize(), 3)

    raw = redis.Redis(port=port, protocol=protocol)
    every_byte = bytes(range(256))
    raw.set(every_byte, every_byte)
    check("binary", raw.get(every_byte), every_byte)
    big = b"x" * 5_000_000
    raw.set("big", big)
    check("big", raw.get("big") == big, True)

    pipeline = client.pipeline(transaction=False)
    for index in range(10_000):
        pipeline.set(f"p:{index}", index)
    check("pipeline", set(pipeline.execute()), {True})
    pipeline.get("p:7").get("missing").incr("k").get("p:8")
    replies = pipeline.execute(raise_on_error=False)
    check("pipeline replies", [replies[0], replies[1], replies[3]], ["7", None, "8"])
    check("pipeline error", isinstance(replies[2], redis.ResponseError), True)

    names = set(client.scan_iter("p:*", count=500))
    check("scan_iter", len(names), 10_000)
    check("keys", len(client.keys("p:99*")), 111)

    check("client name", client.client_setname("me"), True)
    check("client id", isinstance(client.client_id(), int), True)
    check("client list", len(client.client_list()) >= 2, True)
    check("client info", client.client_info()["resp"], str(protocol))
    check("config get", client.config_get("maxmemory"), {"maxmemory": "0"})
    check("config set", client.config_set("maxmemory", "0"), True)
    check("info", client.info("server")["tcp_port"], port)
    check("keyspace", client.info("keyspace")["db0"]["keys"] > 10_000, True)
    check("command", "get" in client.command(), True)
    check("command count", client.command_count(), len(client.command()))
    check("memory usage", client.memory_usage("k") > 0, True)
    check("time", client.time()[0] > 1_500_000_000, True)
    check("echo", client.echo("a b"), "a b")
    other = redis.Redis(port=port, protocol=protocol, db=3)
    check("other database", [other.set("k", 1), other.dbsize(), other.flushdb()], [True, 1, True])
    for wrong in (["SET", "k"], ["NONSENSE"], ["INCR", "k"]):
        try:
            client.execute_command(*wrong)
        except redis.ResponseError:
            continue
        raise AssertionError(f"{wrong} gave no error")
    client.flushall()


def cluster(ports, protocol):
    client = empty_cluster(ports, protocol)
    check("nodes", len(client.get_primaries()), len(ports))
    slots = set()
    index = 0
    while len(slots) < 16384:
        key = f"k:{index}"
        slot = client.keyslot(key)
        index += 1
        if slot in slots:
            continue
        slots.add(slot)
        client.set(key, slot)
        check(key, client.get(key), str(slot))
    check("dbsize", client.dbsize(target_nodes=RedisCluster.PRIMARIES), 16384)
    check("mset", client.mset({"{t}a": 1, "{t}b": 2}), True)
    check("mget", client.mget("{t}a", "{t}b", "{t}c"), ["1", "2", None])
    check("mget over slots", client.mget_nonatomic("{t}a", "{u}a", "k:0")[0], "1")
    check("mset over slots", set(client.mset_nonatomic({"x": 1, "y": 2, "z": 3})), {True})
    pipeline = client.pipeline()
    for number in range(1000):
        pipeline.set(f"p:{number}", number)
    check("pipeline", set(pipeline.execute()), {True})
    for number in range(1000):
        pipeline.get(f"p:{number}")
    check("pipeline get", pipeline.execute(), [str(number) for number in range(1000)])
    check("scan_iter", len(set(client.scan_iter("p:*"))), 1000)
    check("delete over slots", client.delete(*[f"p:{n}" for n in range(1000)]), 1000)
    check("cluster info", client.cluster_info()["cluster_state"], "ok")
    check("cluster nodes", len(client.cluster_nodes()), len(ports))
    try:
        # Sent to a node as it is: the client itself would refuse it.
        client.execute_command("MGET", "a", "b", target_nodes=client.get_primaries()[0])
    except redis.exceptions.ClusterCrossSlotError:
        pass
    else:
        raise AssertionError("MGET of two slots gave no error")
    client.flushall(target_nodes=RedisCluster.PRIMARIES)


def main():
    port, *ports = map(int, sys.argv[1:])
    for protocol in (2, 3):
        plain(port, protocol)
        cluster(ports, protocol)
        print(f"redis-py {redis.__version__}, RESP{protocol}: ok")


main()
