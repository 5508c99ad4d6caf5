"""Publish and subscribe of redis-py: `redis_py_pubsub.py <port> <cluster port>...`; ends with 0 when all holds."""

import queue
import sys
import threading

import redis

from checks import LIMIT, check, empty_cluster, wait_for

def take(messages, count):
    """The next messages, as pairs of channel and data."""
    taken = [messages.get(timeout=LIMIT) for _ in range(count)]
    return [(message["channel"], message["data"]) for message in taken]


def next_message(get):
    """The next message that is not a confirmation; the client itself returns None for those."""
    return wait_for("a message", lambda: get(ignore_subscribe_messages=True, timeout=0.01))


def confirmations(pubsub, count):
    messages = [pubsub.get_message(timeout=LIMIT) for _ in range(count)]
    return [(message["type"], message["channel"], message["data"]) for message in messages]


def handlers_in_a_thread(client):
    """Handlers run in the thread of the client, while others publish from threads of their own."""
    news, logs, failures = queue.Queue(), queue.Queue(), queue.Queue()
    pubsub = client.pubsub()
    pubsub.subscribe(news=news.put)
    pubsub.psubscribe(**{"log.*": logs.put})
    check("confirmed", confirmations(pubsub, 2), [("subscribe", "news", 1), ("psubscribe", "log.*", 2)])
    thread = pubsub.run_in_thread(sleep_time=0.05, exception_handler=lambda error, *_: failures.put(error))
    try:
        def publish(source):
            for number in range(200):
                client.publish("news", f"{source} {number}")

        sources = [threading.Thread(target=publish, args=(source,)) for source in range(4)]
        for source in sources:
            source.start()
        for source in sources:
            source.join()
        given = [data for _, data in take(news, 800)]
        for source in range(4):
            own = [data for data in given if data.startswith(f"{source} ")]
            check("order of one publisher", own, [f"{source} {number}" for number in range(200)])
        check("receivers of a pattern", client.publish("log.a", "one"), 1)
        check("receivers of nothing", client.publish("logs", "none"), 0)
        check("receivers again", client.publish("log.b", "two"), 1)
        check("by pattern", take(logs, 2), [("log.a", "one"), ("log.b", "two")])
        check("channels", client.pubsub_channels(), ["news"])
        check("subscribers", client.pubsub_numsub("news", "none"), [("news", 1), ("none", 0)])
        check("patterns", client.pubsub_numpat(), 1)
    finally:
        thread.stop()
        thread.join(LIMIT)
    check("the thread has ended", thread.is_alive(), False)
    check("no failures", failures.qsize(), 0)


def both_ways(client):
    """A message that a channel and two patterns take comes three times; what is left comes no more."""
    pubsub = client.pubsub()
    pubsub.subscribe("a.b", "b")
    pubsub.psubscribe("a.*", "*[b]")
    given = confirmations(pubsub, 4)
    check("counted", given, [("subscribe", "a.b", 1), ("subscribe", "b", 2), ("psubscribe", "a.*", 3), ("psubscribe", "*[b]", 4)])
    check("receivers", client.publish("a.b", "x"), 3)
    messages = [next_message(pubsub.get_message) for _ in range(3)]
    given = sorted((message["type"], message["pattern"] or "", message["channel"]) for message in messages)
    check("all three", given, [("message", "", "a.b"), ("pmessage", "*[b]", "a.b"), ("pmessage", "a.*", "a.b")])
    pubsub.unsubscribe("a.b")
    pubsub.punsubscribe()
    given = confirmations(pubsub, 3)
    check("first out", given[0], ("unsubscribe", "a.b", 3))
    check("patterns out", sorted(given[1:])[0][:2], ("punsubscribe", "*[b]"))
    check("left", client.publish("a.b", "y"), 0)
    client.publish("b", "last")
    check("what is left", next_message(pubsub.get_message)["data"], "last")
    pubsub.close()


def many_channels(client):
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    names = [f"c:{number}" for number in range(1000)]
    pubsub.subscribe(*names)
    pipeline = client.pipeline(transaction=False)
    wait_for("the last subscription", lambda: client.pubsub_numsub(names[-1])[0][1])
    for name in names:
        pipeline.publish(name, name)
    check("each has one", pipeline.execute(), [1] * len(names))
    given = [next_message(pubsub.get_message)["data"] for _ in names]
    check("in order", given, names)
    pubsub.close()


def sharded(client):
    messages, others = queue.Queue(), queue.Queue()
    pubsub = client.pubsub()
    pubsub.ssubscribe(shard=messages.put)
    pubsub.subscribe(shard=others.put)
    check("confirmed", confirmations(pubsub, 2), [("ssubscribe", "shard", 1), ("subscribe", "shard", 1)])
    thread = pubsub.run_in_thread(sleep_time=0.05)
    try:
        check("receivers", client.spublish("shard", "x"), 1)
        check("receivers of the channel of the same name", client.publish("shard", "y"), 1)
        check("by shard", take(messages, 1), [("shard", "x")])
        check("by channel", take(others, 1), [("shard", "y")])
        check("shard channels", client.pubsub_shardchannels(), ["shard"])
        check("shard subscribers", client.pubsub_shardnumsub("shard"), [("shard", 1)])
    finally:
        thread.stop()
        thread.join(LIMIT)


def cluster(client):
    primaries = client.get_primaries()
    # A message goes to the subscribers of all nodes, whichever node it is published on.
    nodes = [redis.Redis(host=node.host, port=node.port, decode_responses=True) for node in primaries]
    subscribers = [node.pubsub() for node in nodes]
    for pubsub in subscribers:
        pubsub.subscribe("all")
        pubsub.psubscribe("al?")
        confirmations(pubsub, 2)
    for number, node in enumerate(nodes):
        node.publish("all", f"from {number}")
    for pubsub in subscribers:
        given = sorted(next_message(pubsub.get_message)["data"] for _ in range(2 * len(nodes)))
        check("each message, each way", given, sorted(2 * [f"from {number}" for number in range(len(nodes))]))
        pubsub.close()
    general = client.pubsub()
    general.subscribe("general")
    confirmations(general, 1)
    client.publish("general", "x")
    check("the client of the cluster", next_message(general.get_message)["data"], "x")
    general.close()

    # Channels of shards: the client asks the node of each channel's slot.
    pubsub = client.pubsub()
    names = [f"shard:{number}" for number in range(60)]
    pubsub.ssubscribe(*names[:30])
    for name in names[30:]:
        pubsub.ssubscribe(name)
    owners = {client.get_node_from_key(name).name for name in names}
    check("all nodes have channels", len(owners), len(primaries))
    confirmed = set()

    def all_confirmed():
        message = pubsub.get_sharded_message(timeout=0.01)
        if message is not None:
            check("kind", message["type"], "ssubscribe")
            confirmed.add(message["channel"])
        return confirmed == set(names)

    wait_for("all channels are confirmed", all_confirmed)
    for name in names:
        check(f"receivers of {name}", client.spublish(name, name.upper()), 1)
    given = [next_message(pubsub.get_sharded_message) for _ in names]
    given = sorted((message["channel"], message["data"]) for message in given)
    check("messages of shards", given, sorted((name, name.upper()) for name in names))
    wrong = next(node for node in primaries if node.name != client.get_node_from_key(names[0]).name)
    stranger = redis.Redis(host=wrong.host, port=wrong.port)
    try:
        stranger.spublish(names[0], "x")
    except redis.ResponseError as error:
        check("the other node", str(error).startswith(("MOVED", str(client.keyslot(names[0])))), True)
    else:
        raise AssertionError("SPUBLISH on another node gave no error")
    pubsub.sunsubscribe(names[0])
    wait_for("no subscription is left", lambda: client.spublish(names[0], "late") == 0)
    pubsub.close()


def main():
    port, *ports = map(int, sys.argv[1:])
    for protocol in (2, 3):
        client = redis.Redis(port=port, protocol=protocol, decode_responses=True)
        handlers_in_a_thread(client)
        both_ways(client)
        many_channels(client)
        sharded(client)
        cluster(empty_cluster(ports, protocol))
        print(f"publish and subscribe, RESP{protocol}: ok")


main()
