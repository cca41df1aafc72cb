// The real Replicache client, in memory, against the server's Replicache routes.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';

import { Replicache } from 'replicache';

import { arrival, field, office, post, signIn, until } from './field.mjs';

const [mine, refused, offline, shared, taken] = field.visits;
const token = await signIn('alice');
const dispatcher = await signIn('dora');
const wire = []; // every request of a client and its answer
const opened = [];
after(() => Promise.all(opened.map((rep) => rep.close())));

/** Carry a client's requests to the server, unless the network is gone. */
function carry(path, network) {
  return async (body, requestID) => {
    if (network.gone) return { httpRequestInfo: { httpStatusCode: 0, errorMessage: 'no network' } };
    const response = await post(path, body, token, { 'X-Replicache-RequestID': requestID });
    const answer = response.headers.get('Content-Type').includes('problem')
      ? undefined
      : await response.json();
    wire.push({ path, body, status: response.status, answer });
    const errorMessage = response.ok ? '' : await response.text().catch(() => 'refused');
    return { response: answer, httpRequestInfo: { httpStatusCode: response.status, errorMessage } };
  };
}

const optimistic = (state) => async (tx, args) => {
  const key = `visit/${args.visit_id}`;
  await tx.set(key, { ...(await tx.get(key)), state });
};

function client(name = randomUUID(), more = {}) {
  const network = { gone: false };
  const rep = new Replicache({
    name,
    kvStore: 'mem',
    pushDelay: 0,
    pullInterval: null,
    logLevel: 'fatal',
    requestOptions: { minDelayMs: 10, maxDelayMs: 50 },
    pusher: carry('/v1/sync/replicache/push', network),
    puller: carry('/v1/sync/replicache/pull', network),
    mutators: {
      'visit.arrive': optimistic('on_site'),
      'visit.start': optimistic('in_progress'),
    },
    ...more,
  });
  opened.push(rep);
  return { rep, network };
}

const row = (rep, key) => rep.query((tx) => tx.get(key));
const cases = (rep) => rep.query((tx) => tx.scan({ prefix: 'case/' }).values().toArray());
const pending = async (rep) => (await rep.experimentalPendingMutations()).length;

test('a first pull brings the day, and a pull without news keeps the cookie', async () => {
  const { rep } = client();
  await rep.pull({ now: true });
  assert.equal((await row(rep, `visit/${mine}`)).state, 'dispatched');
  await rep.pull({ now: true });
  const [first, second] = wire.filter((w) => w.path.endsWith('/pull')).slice(-2);
  assert.deepEqual(second.answer, { cookie: first.answer.cookie, lastMutationIDChanges: {}, patch: [] });
  assert.ok(JSON.stringify(second.answer).length < 300, 'an unchanged pull is small');
});

test('what was captured without a network is shown at once and takes effect later', async () => {
  const { rep, network } = client();
  await rep.pull({ now: true });
  network.gone = true;
  await rep.mutate['visit.arrive'](arrival(offline));
  assert.equal((await row(rep, `visit/${offline}`)).state, 'on_site');
  assert.equal(await pending(rep), 1);
  network.gone = false;
  await rep.push({ now: true });
  await rep.pull({ now: true });
  await until('the server has the arrival', async () => (await pending(rep)) === 0);
  const visit = await row(rep, `visit/${offline}`);
  assert.equal(visit.state, 'on_site');
  assert.ok(visit.version > 1, 'the row is the one of the server');
  assert.deepEqual(await cases(rep), []);
});

test('a refused mutation is taken back, and its case says why', async () => {
  const { rep } = client();
  await rep.pull({ now: true });
  await rep.mutate['visit.start']({ visit_id: refused });
  assert.equal((await row(rep, `visit/${refused}`)).state, 'in_progress');
  await rep.push({ now: true });
  await rep.pull({ now: true });
  await until('the mutation was answered', async () => (await pending(rep)) === 0);
  assert.equal((await row(rep, `visit/${refused}`)).state, 'dispatched');
  const [found] = await cases(rep);
  assert.equal(found.status, 'rejected');
  assert.equal(found.subject_id, refused);
  assert.ok(found.message.length > 10);
});

test('what was seen on a visit that went to somebody else is kept, and the visit leaves', async () => {
  const { rep, network } = client();
  await rep.pull({ now: true });
  network.gone = true;
  await rep.mutate['visit.arrive'](arrival(taken));
  await office(
    `/v1/visits/${taken}/assign`,
    { technician_ids: [field.people.kim], reason: 'Kim is closer', override: 'for the test' },
    dispatcher,
  );
  network.gone = false;
  await rep.push({ now: true });
  await rep.pull({ now: true });
  await until('the arrival was answered', async () => (await pending(rep)) === 0);
  assert.equal(await row(rep, `visit/${taken}`), undefined, 'the visit is not on this phone');
});

test('two clients of one group share the view and count their mutations apart', async () => {
  const name = randomUUID();
  const one = client(name).rep;
  await one.pull({ now: true });
  const two = client(name).rep;
  assert.equal(await two.clientGroupID, await one.clientGroupID);
  assert.notEqual(two.clientID, one.clientID);
  await two.pull({ now: true });
  await one.mutate['visit.arrive'](arrival(shared));
  await one.push({ now: true });
  await until('one has its answer', async () => (await one.pull({ now: true }), (await pending(one)) === 0));
  await two.mutate['visit.arrive'](arrival(mine));
  await two.push({ now: true });
  await until('two has its answer', async () => (await two.pull({ now: true }), (await pending(two)) === 0));
  assert.equal((await row(two, `visit/${shared}`)).state, 'on_site');
  const ids = wire
    .filter((w) => w.path.endsWith('/push') && [one.clientID, two.clientID].includes(w.body.mutations[0]?.clientID))
    .map((w) => [w.body.mutations[0].clientID, w.body.mutations[0].id, w.status]);
  assert.deepEqual(new Map(ids.map(([id, n]) => [id, n])), new Map([[one.clientID, 1], [two.clientID, 1]]));
});

test('a client group that the server has never heard of is told so', async () => {
  let lost = false;
  const { rep } = client(randomUUID(), {
    puller: async (body) => {
      // As after a server that lost its state: the cookie is there, the group is not.
      const unknown = { ...body, clientGroupID: randomUUID(), cookie: { order: 1, cvrID: 'x.1' } };
      const response = await post('/v1/sync/replicache/pull', unknown, token);
      return { response: await response.json(), httpRequestInfo: { httpStatusCode: 200, errorMessage: '' } };
    },
  });
  rep.onClientStateNotFound = () => (lost = true);
  await rep.pull({ now: true }).catch(() => {});
  await until('onClientStateNotFound was called', () => lost);
});

test('an app whose schema is not known is told to update', async () => {
  let reason;
  const { rep } = client(randomUUID(), { schemaVersion: 'pear' });
  rep.onUpdateNeeded = (given) => (reason = given);
  await rep.pull({ now: true }).catch(() => {});
  await until('onUpdateNeeded was called', () => reason !== undefined);
  assert.deepEqual(reason, { type: 'VersionNotSupported', versionType: 'schema' });
});

test('every push and pull was answered in the form the client knows', () => {
  assert.ok(wire.length > 12);
  assert.deepEqual([...new Set(wire.map((w) => w.status))], [200]);
});
