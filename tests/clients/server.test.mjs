import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { Server } from './build/contract.js';
import { field, get, signIn } from './field.mjs';

test('a named person signs in and sees what they may do', async () => {
  const me = await get('/v1/me', await signIn('alice'));
  assert.ok(me.permissions.includes('visit:work'));
});

test('the first pull of a new device carries the visits of the day', async () => {
  const token = await signIn('alice');
  const server = new Server(field.url, () => token);
  const { epoch } = await server.register(randomUUID(), "Alice's phone");
  const page = await server.pull(epoch, null);
  assert.equal(page.reset, true);
  assert.deepEqual(page.puts.visit.map((row) => row.id).sort(), [...field.visits].sort());
});
