// docs/clients.md: the TanStack example, run against the server.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';

import { Server } from './build/contract.js';
import { Phone } from './build/tanstack.js';
import { arrival, field, office, severed, signIn, until } from './field.mjs';

const [offline, refused, taken, doubled] = field.visits;
const token = await signIn('alice');
const dispatcher = await signIn('dora');
const opened = [];
after(() => opened.forEach((phone) => phone.close()));
console.warn = () => {}; // the library says of every refused transaction that it failed

function memory(map = new Map()) {
  return {
    map,
    get: async (key) => map.get(key) ?? null,
    set: async (key, value) => void map.set(key, value),
    delete: async (key) => void map.delete(key),
    keys: async () => [...map.keys()],
    clear: async () => map.clear(),
  };
}

async function phone(storage = memory(), device = randomUUID(), network = severed()) {
  const server = new Server(network.url, () => token);
  const registration = await server.register(device, 'TanStack');
  const listeners = new Set();
  const detector = {
    isOnline: () => !network.isCut(),
    notifyOnline: () => listeners.forEach((listener) => listener()),
    subscribe: (listener) => (listeners.add(listener), () => listeners.delete(listener)),
    dispose: () => listeners.clear(),
  };
  const leader = {
    requestLeadership: async () => true,
    releaseLeadership: () => {},
    isLeader: () => true,
    onLeadershipChange: () => () => {},
  };
  const made = new Phone(server, registration, storage, {
    onlineDetector: detector,
    leaderElection: leader,
  });
  await made.executor.waitForInit();
  await made.pull();
  opened.push(made);
  return { phone: made, network, storage, device, detector };
}

const onSite = (body) => {
  body.state = 'on_site';
};

test('what is captured without a network is shown at once and handed in when it is back', async () => {
  const { phone: alice, network, detector } = await phone();
  network.cut();
  const key = `visit/${offline}`;
  const before = alice.rows.get(key).version;
  const { answered } = await alice.capture('visit.arrive', arrival(offline), key, onSite);
  assert.equal(alice.rows.get(key).body.state, 'on_site');
  assert.equal((await alice.executor.peekOutbox()).length, 1);
  network.mend();
  detector.notifyOnline();
  await answered;
  assert.equal((await alice.executor.peekOutbox()).length, 0);
  assert.equal(alice.rows.get(key).body.state, 'on_site');
  assert.ok(alice.rows.get(key).version > before, 'the row is the one of the server');
});

test('a refused decision is undone, and its case says why', async () => {
  const { phone: alice } = await phone();
  const key = `visit/${refused}`;
  const { answered } = await alice.capture('visit.start', { visit_id: refused }, key, (body) => {
    body.state = 'in_progress';
  });
  await assert.rejects(answered, /not_arrived/);
  await until('the change is undone', () => alice.rows.get(key).body.state === 'dispatched');
  assert.ok([...alice.rows.values()].some((row) => row.type === 'case' && row.body.subject_id === refused));
});

test('a visit that was given away leaves, and what was decided about it is a case', async () => {
  const { phone: alice, network, detector } = await phone();
  network.cut();
  const key = `visit/${taken}`;
  const { answered } = await alice.capture('visit.start', { visit_id: taken }, key, (body) => {
    body.state = 'in_progress';
  });
  const give = { technician_ids: [field.people.kim], reason: 'Kim is closer', override: 'test' };
  await office(`/v1/visits/${taken}/assign`, give, dispatcher);
  network.mend();
  detector.notifyOnline();
  await assert.rejects(answered, /reassigned/);
  await until('the visit left', () => !alice.rows.has(key));
});

test('an app that is started anew hands in what it had captured, once', async () => {
  const first = await phone();
  const key = `visit/${doubled}`;
  first.network.loseNextAnswer();
  await first.phone.capture('visit.arrive', arrival(doubled), key, onSite);
  await until('the answer was lost', () => !first.network.isLosing());
  first.phone.close(); // the server has it, the app does not know
  const again = await phone(first.storage, first.device);
  await until('the outbox is empty', async () => (await again.phone.executor.peekOutbox()).length === 0);
  assert.equal(again.phone.rows.get(key).body.state, 'on_site');
  assert.ok(![...again.phone.rows.values()].some((row) => row.body.subject_id === doubled));
});

test('after a restore all that is kept is sent again, also by an app that was closed meanwhile', async () => {
  const { phone: alice, network, storage, device } = await phone();
  const args = { visit_id: doubled, text: 'kept for a restore' };
  const { id, answered } = await alice.capture('note.add', args, `visit/${doubled}`, onSite);
  await answered;
  alice.close();
  network.restore();
  await phone(storage, device, network);
  await until('the kept command is sent again', async () => network.pushedSince().includes(id));
});

test('an erasure is acknowledged when what names its rows is handed in and overwritten', async () => {
  const { phone: alice, network, storage } = await phone();
  const { erasure_id } = network.tellErased('visit', doubled);
  network.hold(true);
  const args = { visit_id: doubled, text: 'the dog bites' };
  const { answered } = await alice.capture('note.add', args, `visit/${doubled}`, onSite);
  for (let n = 0; n < 3; n += 1) await alice.pull();
  assert.deepEqual(network.acknowledged(), []);
  network.hold(false);
  await answered;
  await until('the erasure is acknowledged', async () => {
    await alice.pull();
    return network.acknowledged().includes(erasure_id);
  });
  const kept = [...storage.map.entries()].find(([key]) => key.startsWith('fieldops/kept/'));
  assert.equal(JSON.parse(kept[1]).args.text, '(erased)');
});
