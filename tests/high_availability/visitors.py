"""Asks a port, over one connection after another, who answers: `visitors.py <host> <port> <count>` prints a role and a run id for each."""

import sys

import redis


def main():
    host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for _ in range(count):
        with redis.Redis(host=host, port=port) as client:
            info = client.info()
            print(info["role"], info["run_id"])


main()
