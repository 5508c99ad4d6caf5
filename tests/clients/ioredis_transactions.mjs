// Pipelines and transactions of ioredis: `ioredis_transactions.mjs <folder of node_modules> <port> <cluster port>...`; ends with 0 when all
// holds.

import assert from 'node:assert/strict';
import { ioredis, text } from './checks.mjs';

const [folder, port, ...ports] = process.argv.slice(2);
const { Redis, Cluster } = ioredis(folder);

// Of a server and of a cluster alike: all keys are of one slot.
async function transactions(client) {
  const [a, b] = ['{t}a', '{t}b'];
  await client.del(a, b);
  assert.deepEqual(await client.multi().set(a, 1).incr(a).get(a).mget(a, b).exec(), [
    [null, 'OK'], [null, 2], [null, '2'], [null, ['2', null]],
  ]);
  assert.deepEqual(await client.multi().exec(), []);

  // An error of one command leaves the others as they are.
  const mixed = await client.multi().set(a, 'text').incr(a).lpush(a, 1).append(a, '!').exec();
  assert.deepEqual(mixed.map(([error, reply]) => [text(error), reply ?? null]), [
    [null, 'OK'],
    ['ERR value is not an integer or out of range', null],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', null],
    [null, 5],
  ]);
  // One that is found when it is queued ends it all.
  await assert.rejects(client.multi().set(a, 'lost').call('NONSENSE').set(a).exec(), (error) => {
    assert.match(error.message, /^EXECABORT Transaction discarded because of previous errors/);
    const earlier = error.previousErrors.map(text);
    assert.equal(earlier.length, 2);
    assert.match(earlier[0], /^ERR unknown command 'NONSENSE'/);
    assert.match(earlier[1], /^ERR wrong number of arguments for 'set' command/);
    return true;
  });
  assert.equal(await client.get(a), 'text!');
  // What is not queued runs in order, and replies come in order.
  const pipeline = client.pipeline().set(b, 1).incr(a).incr(b).get('{t}none').lpush(b, 1).get(b);
  assert.deepEqual((await pipeline.exec()).map(([error, reply]) => [text(error), reply ?? null]), [
    [null, 'OK'],
    ['ERR value is not an integer or out of range', null],
    [null, 2],
    [null, null],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', null],
    [null, '2'],
  ]);
  // A transaction within a pipeline, with something before and behind it.
  const nested = await client.pipeline().set(b, 1).multi().incr(b).incr(b).exec().get(b).exec();
  assert.deepEqual(nested.map(([, reply]) => reply), ['OK', 'OK', 'QUEUED', 'QUEUED', [2, 3], '3']);
  const big = client.multi();
  for (let index = 0; index < 5000; index += 1) big.rpush('{t}list', index);
  const replies = await big.exec();
  assert.deepEqual(replies.map(([, reply]) => reply), Array.from({ length: 5000 }, (_, index) => index + 1));
  await client.del('{t}list');
}

async function watching(options) {
  const [client, other] = [new Redis(options), new Redis(options)];
  const key = '{t}watched';
  await client.set(key, 1);
  await client.watch(key);
  assert.deepEqual(await client.multi().incr(key).exec(), [[null, 2]]);
  await client.watch(key);
  await other.set(key, 100);
  assert.equal(await client.multi().incr(key).exec(), null);
  assert.equal(await client.get(key), '100');
  // EXEC ends the watch, also the one that did not run.
  assert.deepEqual(await client.multi().incr(key).exec(), [[null, 101]]);
  await client.watch(key);
  await other.incr(key);
  await client.unwatch();
  assert.deepEqual(await client.multi().incr(key).exec(), [[null, 103]]);
  // Sent as it is typed, without a pipeline.
  assert.equal(await client.multi({ pipeline: false }), 'OK');
  assert.equal(await client.incr(key), 'QUEUED');
  assert.equal(await client.discard(), 'OK');
  assert.equal(await client.get(key), '103');
  await client.multi({ pipeline: false });
  await client.incr(key);
  assert.deepEqual(await client.exec(), [[null, 104]]);
  await assert.rejects(client.exec(), /EXEC without MULTI/);

  // Of those who change one key with a watch, none loses a step.
  await other.set(key, 0);
  const clients = Array.from({ length: 4 }, () => new Redis(options));
  await Promise.all(clients.map(async (one) => {
    for (let done = 0; done < 25;) {
      await one.watch(key);
      const value = Number(await one.get(key));
      if (await one.multi().set(key, value + 1).exec() !== null) done += 1;
    }
  }));
  assert.equal(await other.get(key), '100');
  await Promise.all([client, other, ...clients].map((one) => one.quit()));
}

async function plain(options) {
  const client = new Redis(options);
  await client.flushall();
  await transactions(client);
  await watching(options);
  await client.quit();
}

async function cluster(nodes, redisOptions) {
  const client = new Cluster(nodes, { redisOptions });
  await transactions(client);
  // All commands of a transaction go to one node, and to the right one.
  for (let index = 0; index < 50; index += 1) {
    const key = `{slot ${index}}`;
    assert.deepEqual(await client.multi().set(key, index).get(key).del(key).exec(), [[null, 'OK'], [null, String(index)], [null, 1]]);
  }
  await assert.rejects(client.pipeline().set('a', 1).set('b', 1).exec(), /same slot|same node|should belong/i);
  const [owner] = (await Promise.all(client.nodes('master').map(async (node) => {
    const reply = await node.get('{t}a').catch(text);
    return String(reply).startsWith('MOVED') ? null : node;
  }))).filter(Boolean);
  await watching({ ...redisOptions, host: '127.0.0.1', port: owner.options.port });
  await client.quit();
}

const nodes = ports.map((number) => ({ host: '127.0.0.1', port: Number(number) }));
for (const protocol of [2, 3]) {
  const redisOptions = { protocol, maxRetriesPerRequest: 3 };
  await plain({ ...redisOptions, host: '127.0.0.1', port: Number(port) });
  await cluster(nodes, redisOptions);
}
console.log('ioredis, transactions: ok');
