// docs/clients.md: the RxDB example, run against the server.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';

import { getRxStorageMemory } from 'rxdb/plugins/storage-memory';

import { Server } from './build/contract.js';
import { Phone } from './build/rxdb.js';
import { arrival, field, office, severed, signIn, until } from './field.mjs';

const [first, offline, refused, taken, doubled] = field.visits;
const token = await signIn('alice');
const dispatcher = await signIn('dora');
const opened = [];
after(() => Promise.all(opened.map((phone) => phone.close())));

async function phone() {
  const network = severed();
  const server = new Server(network.url, () => token);
  const registration = await server.register(randomUUID(), 'RxDB');
  const made = await Phone.open(`fieldops${randomUUID()}`, getRxStorageMemory(), server, registration);
  opened.push(made);
  return { phone: made, network };
}

const row = async (of, key) => (await of.database.rows.findOne(key).exec())?.body;
const command = async (of, id) => (await of.database.commands.findOne(id).exec()).toJSON();

test('the first sync brings the day, and the view hash agrees', async () => {
  const { phone: alice } = await phone();
  assert.equal(await alice.sync(), true);
  assert.equal((await row(alice, `visit/${first}`)).state, 'dispatched');
});

test('what is captured without a network waits, and is handed in when it is back', async () => {
  const { phone: alice, network } = await phone();
  await alice.sync();
  network.cut();
  const { id } = await alice.capture('visit.arrive', arrival(offline), [`visit/${offline}`]);
  assert.equal(await alice.sync(), false, 'never "all up to date" while something waits');
  assert.equal((await command(alice, id)).status, 'queued');
  network.mend();
  assert.equal(await alice.sync(), true);
  assert.equal((await command(alice, id)).status, 'applied');
  assert.equal((await row(alice, `visit/${offline}`)).state, 'on_site');
});

test('a refused command carries its reason, and its case is a row', async () => {
  const { phone: alice } = await phone();
  await alice.sync();
  const { id } = await alice.capture('visit.start', { visit_id: refused }, [`visit/${refused}`]);
  await alice.sync();
  const told = await command(alice, id);
  assert.equal(told.status, 'rejected');
  const found = await row(alice, `case/${told.case_id}`);
  assert.equal(found.message, told.message);
});

test('a visit that was given away leaves, and what the technician decided about it is a case', async () => {
  const { phone: alice, network } = await phone();
  await alice.sync();
  network.cut();
  const { id } = await alice.capture('visit.start', { visit_id: taken }, [`visit/${taken}`]);
  const give = { technician_ids: [field.people.kim], reason: 'Kim is closer', override: 'test' };
  await office(`/v1/visits/${taken}/assign`, give, dispatcher);
  network.mend();
  await alice.sync();
  assert.equal(await row(alice, `visit/${taken}`), undefined);
  const told = await command(alice, id);
  assert.equal(told.status, 'held');
  assert.ok(await row(alice, `case/${told.case_id}`));
});

test('an answer that is lost doubles nothing', async () => {
  const { phone: alice, network } = await phone();
  await alice.sync();
  const { id } = await alice.capture('visit.arrive', arrival(doubled), [`visit/${doubled}`]);
  network.loseNextAnswer();
  assert.equal(await alice.sync(), false);
  assert.equal(await alice.sync(), true);
  assert.equal((await command(alice, id)).status, 'applied');
  assert.equal((await row(alice, `visit/${doubled}`)).state, 'on_site');
});

test('a phone whose rows differ from the server notices it and starts anew', async () => {
  const { phone: alice } = await phone();
  await alice.sync();
  const document = await alice.database.rows.findOne(`visit/${first}`).exec();
  await document.patch({ version: 999 });
  assert.equal(await alice.sync(), false);
  assert.equal(await alice.sync(), true);
  assert.ok((await row(alice, `visit/${first}`)).version < 999);
});

test('after a restore all that is kept is sent again, though nothing new waits', async () => {
  const { phone: alice, network } = await phone();
  await alice.sync();
  const { id } = await alice.capture('note.add', { visit_id: first, text: 'kept for a restore' });
  await alice.sync();
  network.restore();
  await until('the kept command is sent again', async () => {
    await alice.sync();
    return network.pushedSince().includes(id) && (await alice.queued()) === 0;
  });
  assert.equal((await command(alice, id)).status, 'applied');
});

test('an erasure is acknowledged when what names its rows is handed in and overwritten', async () => {
  const { phone: alice, network } = await phone();
  await alice.sync();
  const { erasure_id } = network.tellErased('visit', first);
  network.hold(true);
  const { id } = await alice.capture('note.add', { visit_id: first, text: 'the dog bites' });
  for (let n = 0; n < 3; n += 1) await alice.sync();
  assert.deepEqual(network.acknowledged(), []);
  network.hold(false);
  await until('the erasure is acknowledged', async () => {
    await alice.sync();
    return network.acknowledged().includes(erasure_id);
  });
  assert.equal((await command(alice, id)).args.text, '(erased)');
});
