// What the Python side prepared (tests/clients/conftest.py), and the way to the server.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

export const field = JSON.parse(process.env.FIELDOPS_FIELD);

/** Sign a named person in and return the access token. */
export async function signIn(name) {
  const response = await fetch(`${field.url}/v1/sign-in`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email: `${name}@fieldops.example`, password: field.password }),
  });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()).access_token;
}

/** POST JSON; returns the response, whatever its status. */
export function post(path, body, token, headers = {}) {
  return fetch(`${field.url}${path}`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Authorization: `Bearer ${token}`,
      'Idempotency-Key': randomUUID(),
      ...headers,
    },
    body: JSON.stringify(body),
  });
}

/** POST as an office does and return the answer; fails on a refusal. */
export async function office(path, body, token) {
  const response = await post(path, body, token);
  assert.ok(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
  return response.json();
}

/** GET and return the JSON. */
export async function get(path, token) {
  const response = await fetch(`${field.url}${path}`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  assert.ok(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
  return response.json();
}

/** What a technician at the usual door sends. */
export const arrival = (visit_id) => ({
  visit_id,
  point: { type: 'Point', coordinates: [24.941, 60.17] },
  accuracy_m: 8,
});

/**
 * A network of one's own that can be cut: `url` reaches the server through `fetch`, which is
 * wrapped once; every network has its own prefix.
 */
const networks = new Map();
const realFetch = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const address = typeof input === 'string' ? input : input.url;
  const prefix = address.match(/^(http:\/\/network-[^/]+)/)?.[1];
  if (prefix === undefined) return realFetch(input, init);
  const network = networks.get(prefix);
  if (network.gone) throw new TypeError('fetch failed: no network');
  const real = address.replace(prefix, field.url);
  if (network.ahead > 0 || network.erase !== null) return altered(network, real, init);
  const response = await realFetch(real, init);
  if (network.losing) {
    network.losing = false;
    await response.arrayBuffer();
    throw new TypeError('fetch failed: the answer was lost');
  }
  return response;
};

/**
 * The server's answers as after a restore that lost nothing (`ahead` epochs further than the real
 * one), and as when it tells of an erasure until that is acknowledged.
 */
async function altered(network, address, init) {
  const body = JSON.parse(init.body);
  const pulls = address.endsWith('/pull');
  if (address.endsWith('/push')) {
    if (network.holding) throw new TypeError('fetch failed: no push comes through');
    network.pushed.push(...body.commands.map((command) => command.id));
  }
  if ('epoch' in body) body.epoch = body.epoch > network.ahead ? body.epoch - network.ahead : 999;
  if (pulls && body.erased) network.acknowledged.push(...body.erased.splice(0));
  const response = await realFetch(address, { ...init, body: JSON.stringify(body) });
  const answer = await response.json();
  if ('epoch' in answer) answer.epoch += network.ahead;
  const { erase } = network;
  if (pulls && erase !== null && !network.acknowledged.includes(erase.erasure_id)) {
    delete answer.unchanged;
    Object.assign(answer, { reset: false, more: false, dels: [], puts: {}, ...answer, erase: [erase] });
  }
  const { status } = response;
  return new Response(JSON.stringify(answer), { status, headers: { 'Content-Type': 'application/json' } });
}

export function severed() {
  const url = `http://network-${randomUUID()}`;
  const network = {
    gone: false, losing: false, holding: false, ahead: 0, pushed: [], erase: null, acknowledged: [],
  };
  networks.set(url, network);
  return {
    url,
    cut: () => (network.gone = true),
    mend: () => (network.gone = false),
    isCut: () => network.gone,
    loseNextAnswer: () => (network.losing = true),
    restore: () => (network.ahead += 1),
    hold: (holding) => (network.holding = holding),
    tellErased: (type, id) => (network.erase = { erasure_id: randomUUID(), type, id }),
    acknowledged: () => network.acknowledged,
    pushedSince: () => network.pushed,
    isLosing: () => network.losing,
  };
}

/** Wait until a condition holds, and fail with its words when it does not within 10 seconds. */
export async function until(words, condition) {
  const limit = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > limit) assert.fail(`never happened: ${words}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
