"""Streams of redis-py: `redis_py_streams.py <port> <cluster port>...`; ends with 0 when all holds."""

import subprocess
import sys
import threading

import redis

from checks import LIMIT, check, empty_cluster, wait_for

# A consumer that reads, acknowledges half of what it has read, and then holds the rest until it is killed.
CONSUMER = """
import signal, sys, redis
client = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
read = client.xreadgroup("workers", "mortal", {"jobs": ">"}, count=40)
read = read["jobs"][0] if isinstance(read, dict) else read[0][1]
client.xack("jobs", "workers", *[name for name, _ in read[:20]])
client.rpush("ready", len(read))
signal.pause()
"""


def entries(read):
    """The entries of the one stream in a reply of XREAD or XREADGROUP: a list of pairs in RESP2, a dictionary in RESP3."""
    if not read:
        return []
    return next(iter(read.values()))[0] if isinstance(read, dict) else read[0][1]


def reading(client):
    names = [client.xadd("s", {"n": number, "name": f"värde {number}"}) for number in range(100)]
    check("length", client.xlen("s"), 100)
    check("first", client.xrange("s", count=1), [(names[0], {"n": "0", "name": "värde 0"})])
    check("last", client.xrevrange("s", count=1)[0][0], names[-1])
    check("after", [name for name, _ in entries(client.xread({"s": names[89]}))], names[90:])
    check("nothing new", entries(client.xread({"s": "$"}, block=10)), [])
    check("trim", client.xtrim("s", maxlen=10, approximate=False), 90)
    check("delete", client.xdel("s", names[-1], names[0]), 1)
    info = client.xinfo_stream("s")
    check("info", [info["length"], info["last-generated-id"], info["entries-added"]], [9, names[-1], 100])
    got = []
    reader = threading.Thread(target=lambda: got.extend(entries(client.xread({"s": "$"}, block=LIMIT * 1000))))
    reader.start()
    wait_for("the reader waits", lambda: any(other["cmd"] == "xread" and "b" in other["flags"] for other in client.client_list()))
    added = client.xadd("s", {"late": 1})
    reader.join(LIMIT)
    check("what the reader got", got, [(added, {"late": "1"})])


def group(client, port):
    """A consumer dies; another claims what it held."""
    names = [client.xadd("jobs", {"job": number}) for number in range(100)]
    check("group", client.xgroup_create("jobs", "workers", id="0"), True)
    try:
        client.xgroup_create("jobs", "workers")
    except redis.ResponseError as error:
        check("group again", str(error), "BUSYGROUP Consumer Group name already exists")
    else:
        raise AssertionError("a group was created twice")
    mortal = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-c", CONSUMER, str(port)])
    try:
        check("read by the mortal", list(client.blpop("ready", timeout=LIMIT) or ()), ["ready", "40"])
    finally:
        mortal.kill()
        mortal.wait()
    done = []
    while read := entries(client.xreadgroup("workers", "heir", {"jobs": ">"}, count=7)):
        done += [name for name, _ in read]
        check("acknowledged", client.xack("jobs", "workers", *[name for name, _ in read]), len(read))
    check("read by the heir", done, names[40:])
    pending = client.xpending("jobs", "workers")
    check("pending", [pending["pending"], pending["min"], pending["max"]], [20, names[20], names[39]])
    check("whose", pending["consumers"], [{"name": "mortal", "pending": 20}])
    details = client.xpending_range("jobs", "workers", "-", "+", 100, consumername="mortal")
    check("details", [(one["message_id"], one["times_delivered"]) for one in details], [(name, 1) for name in names[20:40]])
    check("not idle so long", client.xautoclaim("jobs", "workers", "heir", min_idle_time=3_600_000)[1], [])
    idle = details[-1]["time_since_delivered"]
    wait_for("idle", lambda: client.xpending_range("jobs", "workers", "-", "+", 1)[0]["time_since_delivered"] > idle)
    client.xdel("jobs", names[25])
    cursor, claimed, deleted = "0-0", [], []
    while True:
        cursor, some, gone = client.xautoclaim("jobs", "workers", "heir", min_idle_time=1, start_id=cursor, count=6)
        claimed, deleted = claimed + [name for name, _ in some], deleted + gone
        if cursor == "0-0":
            break
    check("claimed", claimed, names[20:25] + names[26:40])
    check("deleted", deleted, [names[25]])
    own = [name for name, _ in entries(client.xreadgroup("workers", "heir", {"jobs": "0"}))]
    check("own history", own, claimed)
    times = {one["times_delivered"] for one in client.xpending_range("jobs", "workers", "-", "+", 100)}
    check("delivered again", min(times) >= 2, True)
    check("claimed by name", client.xclaim("jobs", "workers", "third", 0, claimed[:2], justid=True), claimed[:2])
    check("all acknowledged", client.xack("jobs", "workers", *claimed), 19)
    check("nothing pending", client.xpending("jobs", "workers")["pending"], 0)
    info = client.xinfo_groups("jobs")[0]
    check("info", [info["name"], info["consumers"], info["lag"]], ["workers", 3, 0])
    consumers = {one["name"]: one["pending"] for one in client.xinfo_consumers("jobs", "workers")}
    check("consumers", consumers, {"mortal": 0, "heir": 0, "third": 0})
    check("the mortal is removed", client.xgroup_delconsumer("jobs", "workers", "mortal"), 0)
    check("destroyed", client.xgroup_destroy("jobs", "workers"), 1)


def many_consumers(client):
    """Four consumers that wait share what is added meanwhile: each entry comes to one of them."""
    client.xgroup_create("shared", "g", id="$", mkstream=True)
    seen = [[] for _ in range(4)]

    def consume(index):
        while True:
            read = entries(client.xreadgroup("g", f"c{index}", {"shared": ">"}, count=5, block=LIMIT * 1000))
            for name, fields in read:
                client.xack("shared", "g", name)
                if "stop" in fields:
                    return
                seen[index].append(name)
            if not read:
                return

    threads = [threading.Thread(target=consume, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    names = [client.xadd("shared", {"n": number}) for number in range(500)]
    wait_for("all are acknowledged", lambda: sum(map(len, seen)) == 500 and client.xpending("shared", "g")["pending"] == 0)
    for thread in threads:
        # One at a time: whoever takes it ends, and leaves the next to another.
        alive = sum(other.is_alive() for other in threads)
        client.xadd("shared", {"stop": 1})
        wait_for("one ends", lambda: sum(other.is_alive() for other in threads) < alive)
    check("each entry once", sorted(sum(seen, []), key=names.index), names)


def cluster(client):
    names = [f"stream:{number}" for number in range(30)]
    for name in names:
        client.xgroup_create(name, "g", id="0", mkstream=True)
        client.xadd(name, {"name": name})
    owners = {client.get_node_from_key(name).name for name in names}
    check("all nodes have streams", len(owners), len(client.get_primaries()))
    for name in names:
        read = entries(client.xreadgroup("g", "c", {name: ">"}))
        check(name, [fields for _, fields in read], [{"name": name}])
        check("claimed", [entry for entry, _ in client.xautoclaim(name, "g", "d", 0)[1]], [read[0][0]])
        check("acknowledged", client.xack(name, "g", read[0][0]), 1)


def main():
    port, *ports = map(int, sys.argv[1:])
    for protocol in (2, 3):
        client = redis.Redis(port=port, protocol=protocol, decode_responses=True, socket_timeout=2 * LIMIT)
        client.flushall()
        reading(client)
        group(client, port)
        many_consumers(client)
        cluster(empty_cluster(ports, protocol))
        print(f"streams, RESP{protocol}: ok")


main()
