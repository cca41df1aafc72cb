// docs/clients.md: the WatermelonDB example, run against the server.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import LokiJSAdapter from '@nozbe/watermelondb/adapters/lokijs/index.js';

import { Server } from './build/contract.js';
import { Phone, schema } from './build/watermelondb.js';
import { arrival, field, office, severed, signIn, until } from './field.mjs';

const [offline, refused, taken, doubled] = field.visits;
const token = await signIn('alice');
const dispatcher = await signIn('dora');
for (const level of ['log', 'warn']) console[level] = () => {}; // the library tells of its setup

async function phone() {
  const network = severed();
  const server = new Server(network.url, () => token);
  const registration = await server.register(randomUUID(), 'WatermelonDB');
  const adapter = new LokiJSAdapter.default({
    schema,
    dbName: randomUUID(),
    useWebWorker: false,
    useIncrementalIndexedDB: false,
    extraLokiOptions: { autosave: false },
  });
  return { phone: new Phone(adapter, server, registration), network };
}

const row = async (of, key) => {
  const [found] = (await of.database.get('rows').query().fetch()).filter((one) => one.id === key);
  return found?.body;
};
const told = async (of, id) => (await of.database.get('commands').find(id)).result;

test('what is captured without a network is handed in when it is back, and the rows agree', async () => {
  const { phone: alice, network } = await phone();
  assert.equal(await alice.sync(), true);
  network.cut();
  const { id } = await alice.capture('visit.arrive', arrival(offline), [`visit/${offline}`]);
  await assert.rejects(alice.sync());
  assert.equal((await alice.queued()).length, 1);
  network.mend();
  assert.equal(await alice.sync(), true);
  assert.equal((await told(alice, id)).status, 'applied');
  assert.equal((await row(alice, `visit/${offline}`)).state, 'on_site');
});

test('a refused command keeps its reason, and its case is a row', async () => {
  const { phone: alice } = await phone();
  await alice.sync();
  const { id } = await alice.capture('visit.start', { visit_id: refused }, [`visit/${refused}`]);
  await alice.sync();
  const result = await told(alice, id);
  assert.equal(result.status, 'rejected');
  assert.equal((await row(alice, `case/${result.case_id}`)).message, result.message);
});

test('a visit that was given away leaves, and what was decided about it is a case', async () => {
  const { phone: alice, network } = await phone();
  await alice.sync();
  network.cut();
  const { id } = await alice.capture('visit.start', { visit_id: taken }, [`visit/${taken}`]);
  const give = { technician_ids: [field.people.kim], reason: 'Kim is closer', override: 'test' };
  await office(`/v1/visits/${taken}/assign`, give, dispatcher);
  network.mend();
  await alice.sync();
  assert.equal(await row(alice, `visit/${taken}`), undefined);
  assert.equal((await told(alice, id)).status, 'held');
});

test('an answer that is lost doubles nothing', async () => {
  const { phone: alice, network } = await phone();
  await alice.sync();
  const { id } = await alice.capture('visit.arrive', arrival(doubled), [`visit/${doubled}`]);
  network.loseNextAnswer();
  await assert.rejects(alice.sync());
  assert.equal(await alice.sync(), true);
  assert.equal((await told(alice, id)).status, 'applied');
});

test('after a restore all that is kept is sent again, though nothing new waits', async () => {
  const { phone: alice, network } = await phone();
  await alice.sync();
  const { id } = await alice.capture('note.add', { visit_id: doubled, text: 'kept for a restore' });
  await alice.sync();
  network.restore();
  assert.equal(await alice.sync(), false, 'what is kept waits again');
  await until('the kept command is sent again', async () => (await alice.sync()) === true);
  assert.ok(network.pushedSince().includes(id));
  assert.equal((await told(alice, id)).status, 'applied');
});

test('an erasure is acknowledged when what names its rows is handed in and overwritten', async () => {
  const { phone: alice, network } = await phone();
  await alice.sync();
  const { erasure_id } = network.tellErased('visit', doubled);
  network.hold(true);
  const { id } = await alice.capture('note.add', { visit_id: doubled, text: 'the dog bites' });
  for (let n = 0; n < 3; n += 1) await alice.sync().catch(() => undefined);
  assert.deepEqual(network.acknowledged(), []);
  network.hold(false);
  await until('the erasure is acknowledged', async () => {
    await alice.sync();
    return network.acknowledged().includes(erasure_id);
  });
  const stored = await alice.database.get('commands').find(id);
  assert.equal(stored.command.args.text, '(erased)');
});
