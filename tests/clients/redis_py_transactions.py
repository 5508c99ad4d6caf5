"""Transactions of redis-py: `redis_py_transactions.py <port> <cluster port>...`; ends with 0 when all holds."""

import sys
import threading

import redis

from checks import check, empty_cluster


def breaks(client, pipe, key):
    """A transaction does not run where what it watches has changed."""
    pipe.watch(key)
    client.set(key, 100)
    pipe.multi()
    pipe.set(key, 0)
    try:
        pipe.execute()
    except redis.WatchError:
        pass
    else:
        raise AssertionError("a transaction ran although its key had changed")
    check("not changed", client.get(key), "100")


def transactions(client):
    with client.pipeline() as pipe:
        check("all replies", pipe.set("t", 1).incr("t").get("t").execute(), [True, 2, "2"])
        pipe.watch("t")
        value = int(pipe.get("t"))
        pipe.multi()
        check("watched", pipe.set("t", value + 1).execute(), [True])
        breaks(client, pipe, "t")
        pipe.watch("t")
        client.set("t", 101)
        pipe.unwatch()
        check("no longer watched", pipe.set("t", 102).execute(), [True])
        pipe.set("t", "text").incr("t").append("t", "!")
        replies = pipe.execute(raise_on_error=False)
        check("an error of one command", [replies[0], isinstance(replies[1], redis.ResponseError), replies[2]], [True, True, 5])
        pipe.set("t", "lost").execute_command("NONSENSE")
        try:
            pipe.execute()
        except redis.ResponseError as error:
            check("an error when queued", "unknown command" in str(error), True)
        else:
            raise AssertionError("a transaction with an unknown command ran")
        check("nothing of it ran", client.get("t"), "text!")

    client.set("count", 0)

    def add(count):
        for _ in range(count):
            def step(pipe):
                value = int(pipe.get("count"))
                pipe.multi()
                pipe.set("count", value + 1)

            client.transaction(step, "count")

    threads = [threading.Thread(target=add, args=(50,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check("no step is lost", client.get("count"), "200")


def cluster(client):
    with client.pipeline(transaction=True) as pipe:
        pipe.watch("{t}a")
        pipe.multi()
        check("transaction", pipe.set("{t}a", 1).incr("{t}a").get("{t}a").execute(), ["OK", 2, "2"])
        breaks(client, pipe, "{t}a")


def main():
    port, *ports = map(int, sys.argv[1:])
    for protocol in (2, 3):
        client = redis.Redis(port=port, protocol=protocol, decode_responses=True)
        client.flushall()
        transactions(client)
        cluster(empty_cluster(ports, protocol))
        print(f"transactions, RESP{protocol}: ok")


main()
