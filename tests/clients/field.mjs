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
