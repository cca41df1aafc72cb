// The native contract in TypeScript: the shapes that travel, and the requests themselves.
// What is stored, and when, is each client library's own business; see the files beside this one.

export interface Row {
  id: string;
  version: number;
  [field: string]: unknown;
}

export interface Ref {
  type: string;
  id: string;
}

export interface Reading {
  wall: string;
  mono_ms: number;
  boot_id: string;
}

export interface Command {
  id: string;
  seq: number;
  name: string;
  v: number;
  args: Record<string, unknown>;
  base: { ref: Ref; version: number }[];
  depends_on: string[];
  captured: Reading & { tz: string };
  attachments: { sha256: string; bytes: number; mime: string }[];
}

export interface Result {
  id: string;
  seq: number;
  status: 'applied' | 'merged' | 'duplicate' | 'held' | 'rejected';
  first?: Result;
  code?: string;
  message?: string;
  case_id?: string;
  refs?: (Ref & { version: number })[];
  warnings?: { code: string; message: string }[]; // to be shown; the command took effect
}

export interface PushAnswer {
  epoch: number;
  device: { state: string; last_seq: number; durable_seq: number };
  results: Result[];
  stop: { kind: 'transient' | 'gap' | 'busy'; expected_seq: number; retry_after_ms: number } | null;
  wipe: boolean;
}

export interface PullAnswer {
  epoch: number;
  cursor: string | null;
  unchanged?: boolean;
  reset?: boolean;
  wipe?: boolean;
  more?: boolean;
  erase?: (Ref & { erasure_id: string })[];
  dels?: Ref[];
  puts?: Record<string, Row[]>;
  view?: { rows: number; hash: string };
  catalogue?: number;
}

export interface Registration {
  id: string;
  key: string;
  epoch: number;
}

/** Wall time (which may be wrong), monotonic milliseconds, and an id of this start of the app. */
export class PhoneClock {
  readonly bootId = crypto.randomUUID();

  read(): Reading {
    return {
      wall: new Date().toISOString(),
      mono_ms: Math.floor(performance.now()),
      boot_id: this.bootId,
    };
  }
}

/** A UUIDv7: ids of commands sort by the time they were made. */
export function uuid7(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Date.now()) << 16n);
  crypto.getRandomValues(bytes.subarray(6));
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The hash of a view: of every row 8 bytes of SHA-256 of type:id:version, all of them xored. */
export async function viewHash(rows: Iterable<{ type: string; id: string; version: number }>) {
  let total = 0n;
  for (const { type, id, version } of rows) {
    const text = new TextEncoder().encode(`${type}:${id}:${version}`);
    const digest = await crypto.subtle.digest('SHA-256', text);
    total ^= new DataView(digest).getBigUint64(0);
  }
  return total.toString(16).padStart(16, '0');
}

/**
 * An erase (CU-07) reaches the words of commands that are kept for a restore: returns the command
 * with its texts overwritten when it is about one of the erased rows, else null.
 */
export function withoutWords(command: Command, erased: Set<string>): Command | null {
  if (!isAbout(command, erased)) return null;
  const values = Object.entries(command.args);
  const words = (value: unknown) => typeof value === 'string' && value.includes(' ');
  const args = values.map(([name, value]) => [name, words(value) ? '(erased)' : value] as const);
  return { ...command, args: Object.fromEntries(args) };
}

/** Whether a command is about one of these rows. */
export function isAbout(command: Command, ids: Set<string>): boolean {
  return Object.values(command.args).some((value) => ids.has(String(value)));
}

/** A problem document (RFC 9457): `code` is stable, `message` is for people. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly problem: { code?: string; detail?: string },
  ) {
    super(`${status} ${problem.code ?? ''} ${problem.detail ?? ''}`);
  }
}

/** One device's way to the server. */
export class Server {
  registration: Registration | null = null;

  constructor(
    readonly url: string,
    readonly token: () => string | Promise<string>,
    readonly app = { version: '1.0.0', schema: 1 },
  ) {}

  /** Register this installation; the id is made once per install and user, and kept. */
  async register(id: string, name: string): Promise<Registration> {
    const { version, schema } = this.app;
    const body = { id, name, app_version: version, app_schema: schema };
    this.registration = await this.post<Registration>('/v1/devices', body);
    return this.registration;
  }

  push(epoch: number, clock: Reading, commands: Command[]): Promise<PushAnswer> {
    const body = { protocol: 1, device_id: this.device.id, epoch, app: this.app, clock, commands };
    return this.post('/v1/sync/push', body);
  }

  /** Ask for one page; `erased` names the erasures carried out since the last one. */
  pull(
    epoch: number,
    cursor: string | null,
    more: { erased?: string[]; reset_reason?: string } = {},
  ): Promise<PullAnswer> {
    const { schema } = this.app;
    return this.post('/v1/sync/pull', { device_id: this.device.id, epoch, schema, cursor, ...more });
  }

  private get device(): Registration {
    if (this.registration === null) throw new Error('register first');
    return this.registration;
  }

  private async post<T>(path: string, body: unknown): Promise<T> {
    const headers: Record<string, string> = {
      'Content-Type': 'application/json',
      Authorization: `Bearer ${await this.token()}`,
    };
    if (this.registration !== null) headers['Device-Key'] = this.registration.key;
    const response = await fetch(this.url + path, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    // A captive portal answers 200 with a page of its own: only our JSON is an answer.
    const json = response.headers.get('Content-Type')?.includes('json') ?? false;
    const answer: unknown = json ? await response.json() : {};
    if (!response.ok || !json) throw new Refused(response.status, answer as { code?: string });
    return answer as T;
  }
}
