"""twemproxy in front of two servers: `nutcracker.py <step> <host>`.

`fill` writes keys and reads them back, `half` while one of the servers is down, `whole` when it is there again. Prints how many keys
could be read.
"""

import sys

import redis

KEYS = [f"key:{number}" for number in range(500)]
# No command about connections: twemproxy hangs up on those.
PLAIN = {"protocol": 2, "driver_info": None, "decode_responses": True}


def check(what, given, expected):
    if given != expected:
        raise AssertionError(f"{what}: {given!r} instead of {expected!r}")


def fill(client):
    check("ping", client.ping(), True)
    for key in KEYS:
        check(key, client.set(key, f"value of {key}"), True)
    check("one key", client.get("key:7"), "value of key:7")
    check("no key", client.get("none"), None)
    check("many keys, in their order", client.mget(KEYS), [f"value of {key}" for key in KEYS])
    check("removed, on both servers", client.delete(*KEYS[:100]), 100)
    check("what is gone", client.mget(KEYS[:101]), [None] * 100 + ["value of key:100"])
    pipeline = client.pipeline(transaction=False)
    for key in KEYS[:100]:
        pipeline.set(key, f"value of {key}")
    check("a pipeline", pipeline.execute(), [True] * 100)
    check("a list", client.rpush("{user:1}:list", "a", "b", "c"), 3)
    check("a hash", client.hset("{user:1}:hash", mapping={"a": 1, "b": 2}), 2)
    check("a range", client.lrange("{user:1}:list", 0, -1), ["a", "b", "c"])
    check("fields", client.hgetall("{user:1}:hash"), {"a": "1", "b": "2"})


def readable(client):
    count = 0
    for key in KEYS:
        try:
            value = client.get(key)
        except redis.RedisError:
            continue
        check(key, value, f"value of {key}")
        count += 1
    return count


def main():
    step, host = sys.argv[1:]
    client = redis.Redis(host=host, port=22121, **PLAIN)
    if step == "fill":
        fill(client)
    print(readable(client))


main()
