"""Keeps a cluster busy while its slots move: `moving_slots.py <port> <operations> <seed>`; ends with 0 when nobody saw an error,
and every value is the one that was written last."""

import random
import sys
import threading

from redis.cluster import RedisCluster

THREADS = 4
GROUPS = 500


class Writer(threading.Thread):
    """Writes keys of its own, and reads what it has written."""

    def __init__(self, number, port, operations, seed):
        super().__init__()
        self.number = number
        self.client = RedisCluster(host="127.0.0.1", port=port, decode_responses=True)
        self.random = random.Random(seed * 1000 + number)
        self.operations = operations
        self.counters = {}
        self.values = {}
        self.lists = {}
        self.failures = []

    def run(self):
        for operation in range(self.operations):
            try:
                self.step(operation)
            except Exception as error:  # Whatever a client is told counts.
                self.failures.append(f"{type(error).__name__}: {error}")
                if len(self.failures) > 20:
                    return

    def step(self, operation):
        tag = f"{{{self.number}:{self.random.randrange(GROUPS)}}}"
        kind = self.random.randrange(6)
        if kind == 0:
            key = f"{tag}:n"
            expected = self.counters.get(key, 0) + 1
            self.counters[key] = expected
            self.expect(key, self.client.incr(key), expected)
        elif kind == 1:
            key, value = f"{tag}:v", f"{operation}" + "x" * self.random.randrange(200)
            self.client.set(key, value)
            self.values[key] = value
        elif kind == 2:
            key = f"{tag}:v"
            self.expect(key, self.client.get(key), self.values.get(key))
        elif kind == 3:
            key = f"{tag}:l"
            mine = self.lists.setdefault(key, [])
            mine.append(str(operation))
            self.expect(key, self.client.rpush(key, operation), len(mine))
        elif kind == 4:
            keys = [f"{tag}:n", f"{tag}:v"]
            count = self.counters.get(keys[0])
            expected = [None if count is None else str(count), self.values.get(keys[1])]
            self.expect(keys, self.client.mget(*keys), expected)
        else:
            key = f"{tag}:v"
            existed = self.values.pop(key, None) is not None
            self.expect(key, self.client.delete(key), int(existed))

    def expect(self, key, found, expected):
        if found != expected:
            self.failures.append(f"{key}: {found!r} instead of {expected!r}")

    def verify(self):
        for key, expected in self.counters.items():
            self.expect(key, self.client.get(key), str(expected))
        for key, expected in self.values.items():
            self.expect(key, self.client.get(key), expected)
        for key, expected in self.lists.items():
            self.expect(key, self.client.lrange(key, 0, -1), expected)

    def names(self):
        return set(self.counters) | set(self.values) | set(self.lists)


def main():
    port, operations, seed = (int(word) for word in sys.argv[1:4])
    writers = [Writer(number, port, operations // THREADS, seed) for number in range(THREADS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    print("done writing", flush=True)
    # What they have written is compared when nothing moves any more.
    sys.stdin.readline()
    expected = set()
    for writer in writers:
        writer.verify()
        expected |= writer.names()
    client = writers[0].client
    found = []
    for node in client.get_primaries():
        found += client.keys("*", target_nodes=node)
    failures = [failure for writer in writers for failure in writer.failures]
    if len(found) != len(set(found)):
        failures.append(f"{len(found) - len(set(found))} keys stand twice")
    if set(found) != expected:
        failures.append(f"missing {sorted(expected - set(found))[:5]}, unknown {sorted(set(found) - expected)[:5]}")
    for failure in failures[:20]:
        print(failure)
    print(f"{operations} operations, {len(expected)} keys, {len(failures)} failures")
    sys.exit(1 if failures else 0)


main()
