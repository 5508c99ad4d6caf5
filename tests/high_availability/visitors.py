"""Asks a port, over one connection after another, who answers: `visitors.py <host> <port> <count> <password or ->` prints a role and a run id for each."""

import sys

import redis


def main():
    host, port, count, password = sys.argv[1:]
    for _ in range(int(count)):
        with redis.Redis(host=host, port=int(port), password=None if password == "-" else password) as client:
            info = client.info()
            print(info["role"], info["run_id"])


main()
