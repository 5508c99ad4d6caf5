#!/bin/sh
# Lays out what the image has beside its base: layout.sh BINARY ENTRYPOINT ROOT
set -eu
binary=$1 entrypoint=$2 root=$3
bin=$root/usr/local/bin

mkdir -p "$bin" "$root/data" "$root/etc"
cp "$binary" "$bin/redstart"
cp "$entrypoint" "$bin/entrypoint.sh"
chmod 755 "$bin/redstart" "$bin/entrypoint.sh"
for name in redis-server valkey-server redis-cli valkey-cli redis-check-rdb valkey-check-rdb redis-check-aof valkey-check-aof; do
    ln -sf redstart "$bin/$name"
done

# The user that the images of Redis have, so that their volumes fit.
echo 'root:x:0:0:root:/root:/bin/sh
redis:x:999:999:redis:/data:/bin/sh' > "$root/etc/passwd"
echo 'root:x:0:
redis:x:999:' > "$root/etc/group"
if [ "$(id -u)" = 0 ]; then
    chown 999:999 "$root/data"
fi
