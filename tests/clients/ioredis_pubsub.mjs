// Publish and subscribe of ioredis: `ioredis_pubsub.mjs <folder of node_modules> <port> <cluster port>...`; ends with 0 when all holds.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { ioredis, waitFor } from './checks.mjs';

const [folder, port, ...ports] = process.argv.slice(2);
const { Redis, Cluster } = ioredis(folder);

// Messages of a subscriber, until there are as many as wanted.
function collect(subscriber) {
  const messages = [];
  subscriber.on('message', (channel, message) => messages.push(`${channel}=${message}`));
  subscriber.on('pmessage', (pattern, channel, message) => messages.push(`${pattern} ${channel}=${message}`));
  subscriber.on('smessage', (channel, message) => messages.push(`shard ${channel}=${message}`));
  return async (count) => {
    await waitFor(`${count} messages, there are ${messages}`, () => messages.length >= count);
    return messages.splice(0).sort();
  };
}

async function messages(subscriber, publisher) {
  const next = collect(subscriber);
  assert.equal(await subscriber.subscribe('news', 'other'), 2);
  assert.equal(await subscriber.psubscribe('n?ws', 'log.*'), 4);
  await publisher.publish('news', 'one');
  await publisher.publish('log.x', 'zwei ä');
  await publisher.publish('nobody', 'lost');
  assert.deepEqual(await next(3), ['log.* log.x=zwei ä', 'n?ws news=one', 'news=one']);
  assert.equal(await subscriber.unsubscribe('news'), 3);
  assert.equal(await subscriber.punsubscribe('log.*'), 2);
  await publisher.publish('log.x', 'lost');
  await publisher.publish('news', 'two');
  await publisher.publish('other', 'three');
  assert.deepEqual(await next(2), ['n?ws news=two', 'other=three']);
  const pipeline = publisher.pipeline();
  for (let index = 0; index < 2000; index += 1) pipeline.publish('other', String(index).padStart(4, '0'));
  await pipeline.exec();
  const expected = Array.from({ length: 2000 }, (_, index) => `other=${String(index).padStart(4, '0')}`);
  assert.deepEqual(await next(2000), expected);
  assert.equal(await subscriber.unsubscribe('other'), 1);
  assert.equal(await subscriber.punsubscribe('n?ws'), 0);
}

async function plain(options) {
  const client = new Redis(options);
  const subscriber = new Redis(options);
  await messages(subscriber, client);
  // Without subscriptions it is a client as any other.
  assert.equal(await subscriber.get('none'), null);

  // A connection that is lost comes back with its subscriptions.
  await subscriber.subscribe('again');
  await subscriber.psubscribe('ag*');
  const next = collect(subscriber);
  const ready = once(subscriber, 'ready');
  await client.client('KILL', 'TYPE', 'pubsub');
  await ready;
  await waitFor('it has subscribed again', async () => (await client.pubsub('NUMSUB', 'again'))[1] === 1 && (await client.pubsub('NUMPAT')) === 1);
  assert.equal(await client.publish('again', 'x'), 2);
  assert.equal((await next(2)).filter((message) => message.endsWith('again=x')).length >= 2, true);
  await client.quit();
  subscriber.disconnect();
}

async function cluster(nodes, options) {
  const [client, subscriber] = [new Cluster(nodes, options), new Cluster(nodes, options)];
  await messages(subscriber, client);

  // Messages of shards come from the node that has the channel's slot.
  const next = collect(subscriber);
  const channels = Array.from({ length: 30 }, (_, index) => `shard:${index}`);
  for (const channel of channels) await subscriber.ssubscribe(channel);
  for (const channel of channels) assert.equal(await client.spublish(channel, 'x'), 1, channel);
  assert.deepEqual(await next(30), channels.map((channel) => `shard ${channel}=x`).sort());
  await subscriber.sunsubscribe(channels[0]);
  assert.equal(await client.spublish(channels[0], 'lost'), 0);
  await Promise.all([client.quit(), subscriber.quit()]);
}

const nodes = ports.map((number) => ({ host: '127.0.0.1', port: Number(number) }));
for (const protocol of [2, 3]) {
  const redisOptions = { protocol, maxRetriesPerRequest: 3 };
  await plain({ ...redisOptions, host: '127.0.0.1', port: Number(port) });
  await cluster(nodes, { shardedSubscribers: true, redisOptions });
}
console.log('ioredis, publish and subscribe: ok');
