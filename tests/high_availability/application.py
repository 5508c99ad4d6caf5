"""An application that writes and reads without end: `application.py <way> <name> <password or -> <host>...`.

The way is `sentinel`, which asks Sentinels at the hosts for the primary and the replicas; `haproxy` or `django`, which go through
HAProxy's two ports, by redis-py or by Django's cache; or `direct`, to one server. Key after key is written, `<name>:1`, `<name>:2` ...,
and one that was acknowledged is read. What happens is told line by line, with the time in milliseconds of the epoch. An operation that
has failed is not tried again: nobody knows whether it was done.
"""

import sys
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

# What came before what the lag of replicas may hide.
SETTLED = 20
TIMEOUT = 0.5
PAUSE = 0.005


def by_sentinel(hosts, password):
    # Each layer of the client tries ten times if it is not told otherwise: an operation would take minutes where one Sentinel is cut off.
    once = Retry(NoBackoff(), 0)
    options = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT, "retry": once, "decode_responses": True}
    sentinel = Sentinel([(host, 26379) for host in hosts], sentinel_kwargs=dict(options), password=password, **options)
    return sentinel.master_for("mymaster"), sentinel.slave_for("mymaster")


def by_ports(hosts, password, ports, database):
    # No limit of time: HAProxy ends connections to servers that are down.
    return [redis.Redis(host=hosts[0], port=port, db=database, password=password, decode_responses=True) for port in ports]


def by_django(hosts, password):
    """The settings that the field writes for a read/write split."""
    from django.conf import settings

    secret = f":{password}@" if password else ""

    def cache(port):
        options = {"CLIENT_CLASS": "django_redis.client.DefaultClient"}
        return {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": f"redis://{secret}{hosts[0]}:{port}/1", "OPTIONS": options}

    settings.configure(CACHES={"default": cache(6379), "read_cache": cache(6380)})
    from django.core.cache import caches

    return caches["default"], caches["read_cache"]


def connect(way, hosts, password):
    if way == "sentinel":
        return by_sentinel(hosts, password)
    if way == "haproxy":
        return by_ports(hosts, password, [6379, 6380], 1)
    if way == "django":
        return by_django(hosts, password)
    return by_ports(hosts, password, [6379, 6379], 0)


def tell(what, *values):
    print(what, int(time.time() * 1000), *values, flush=True)


def attempt(what, operation):
    """What the operation gives; None where it fails, which is told."""
    try:
        return operation()
    except Exception as error:
        # django-redis wraps the errors of redis-py.
        cause = error.__cause__ or error
        if not isinstance(cause, (redis.RedisError, OSError)):
            raise
        tell("failed", what, type(cause).__name__, str(cause).replace("\n", " "))
        return None


def main():
    way, name, password, *hosts = sys.argv[1:]
    writer, reader = connect(way, hosts, None if password == "-" else password)
    acknowledged = []
    number = 0
    while True:
        number += 1
        key = f"{name}:{number}"
        # Told before, too: what is acknowledged may be executed at any time between.
        begun = int(time.time() * 1000)
        if attempt("write", lambda: writer.set(key, str(number))):
            tell("written", begun, number)
            acknowledged.append(number)
        if len(acknowledged) > SETTLED:
            old = acknowledged[-SETTLED]
            value = attempt("read", lambda: reader.get(f"{name}:{old}"))
            if value is not None:
                if str(value) != str(old):
                    raise AssertionError(f"{name}:{old} is {value!r}")
                tell("read", old)
        time.sleep(PAUSE)


main()
