#!/bin/sh
# What the image runs: a server with these options or this file, or any other command.
set -eu

case "${1-}" in
    '' | -* | *.conf) set -- redis-server "$@" ;;
esac

# In a container, whoever reaches the port has been let in already: protected mode is off unless it is asked for,
# as in the images of Redis.
case "$1" in
    redis-server | valkey-server | redstart)
        program=$1
        shift
        asked=no
        for word in "$@"; do
            case "$word" in
                --protected-mode) asked=yes ;;
                healthcheck | cluster | demo | completions | check-rdb | check-aof | -v | --version | -h | --help) asked=yes ;;
                *.conf) if [ -r "$word" ] && grep -q '^[[:space:]]*protected-mode' "$word"; then asked=yes; fi ;;
            esac
        done
        if [ "$asked" = yes ]; then
            set -- "$program" "$@"
        else
            set -- "$program" "$@" --protected-mode no
        fi
        ;;
esac

exec "$@"
