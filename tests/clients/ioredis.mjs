// ioredis against a server and a cluster: `ioredis.mjs <folder of node_modules> <port> <cluster port>...`; ends with 0 when all holds.

import assert from 'node:assert/strict';
import { ioredis } from './checks.mjs';

const [folder, port, ...ports] = process.argv.slice(2);
const { Redis, Cluster } = ioredis(folder);

async function plain(options) {
  const client = new Redis({ host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: 1, ...options });
  await client.flushall();
  assert.equal(await client.ping(), 'PONG');
  assert.equal(await client.set('k', 'värde', 'EX', 100), 'OK');
  assert.equal(await client.get('k'), 'värde');
  const ttl = await client.ttl('k');
  assert.ok(ttl >= 98 && ttl <= 100);
  assert.equal(await client.set('k', 'x', 'NX'), null);
  assert.deepEqual([await client.incr('n'), await client.incrby('n', 5)], [1, 6]);
  await client.mset({ a: 1, b: 2 });
  assert.deepEqual(await client.mget('a', 'missing', 'b'), ['1', null, '2']);
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  await client.set(bytes, bytes);
  assert.deepEqual(await client.getBuffer(bytes), bytes);
  const pipeline = client.pipeline();
  for (let index = 0; index < 10000; index += 1) pipeline.set(`p:${index}`, index);
  const replies = await pipeline.exec();
  assert.equal(replies.length, 10000);
  assert.ok(replies.every(([error, reply]) => error === null && reply === 'OK'));
  const names = new Set();
  for await (const batch of client.scanStream({ match: 'p:*', count: 500 })) {
    batch.forEach((name) => names.add(name));
  }
  assert.equal(names.size, 10000);
  await assert.rejects(client.call('NONSENSE'), /unknown command/);
  await assert.rejects(client.incr('k'), /not an integer/);
  assert.match(await client.info('server'), /tcp_port:/);
  assert.equal(await client.select(3), 'OK');
  assert.equal(await client.dbsize(), 0);
  await client.flushall();
  await client.quit();
}

async function cluster() {
  const nodes = ports.map((number) => ({ host: '127.0.0.1', port: Number(number) }));
  const client = new Cluster(nodes, { redisOptions: { maxRetriesPerRequest: 3 } });
  await client.info();
  const primaries = client.nodes('master');
  assert.equal(primaries.length, ports.length);
  await Promise.all(primaries.map((node) => node.flushall()));
  const keys = Array.from({ length: 20000 }, (_, index) => `k:${index}`);
  await Promise.all(keys.map((key) => client.set(key, key)));
  const values = await Promise.all(keys.map((key) => client.get(key)));
  assert.deepEqual(values, keys);
  const sizes = await Promise.all(primaries.map((node) => node.dbsize()));
  assert.equal(sizes.reduce((sum, size) => sum + size, 0), 20000);
  await client.mset('{t}a', 1, '{t}b', 2);
  assert.deepEqual(await client.mget('{t}a', '{t}b'), ['1', '2']);
  await assert.rejects(client.mget('a', 'b'), /CROSSSLOT/);
  const pipeline = client.pipeline();
  for (let index = 0; index < 100; index += 1) pipeline.set(`{p}:${index}`, index);
  const replies = await pipeline.exec();
  assert.ok(replies.every(([error, reply]) => error === null && reply === 'OK'));
  await Promise.all(primaries.map((node) => node.flushall()));
  await client.quit();
}

await plain({ protocol: 2 });
await plain({ protocol: 3 });
await cluster();
console.log('ioredis: ok');
