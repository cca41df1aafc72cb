// RxDB over the native contract: rows are pulled, commands are pushed.
//
// Two collections. `rows` holds what the server sent and is never written by the app. `commands`
// is the outbox: the app inserts a command, replication hands it in, and the result comes back
// into the same document as RxDB's "master state", so that a screen shows it by observing.

import { addRxPlugin, createRxDatabase } from 'rxdb/plugins/core';
import type { RxCollection, RxDatabase, RxStorage, WithDeleted } from 'rxdb/plugins/core';
import { RxDBQueryBuilderPlugin } from 'rxdb/plugins/query-builder';
import { replicateRxCollection } from 'rxdb/plugins/replication';
import { Subject } from 'rxjs';

import { PhoneClock, isAbout, uuid7, viewHash, withoutWords } from './contract.js';
import type { Command, Registration, Result, Row, Server } from './contract.js';

addRxPlugin(RxDBQueryBuilderPlugin);

export interface StoredRow {
  key: string; // type/id
  type: string;
  id: string;
  version: number;
  body: Row;
}

export interface StoredCommand extends Command {
  status: 'queued' | Result['status'];
  code?: string;
  message?: string;
  case_id?: string;
}

export interface Stand {
  id: string;
  cursor: string | null;
  epoch: number;
  erased: Erasures;
}

/** What was told and is not acknowledged yet: the ids of the rows, by erasure. */
type Erasures = Record<string, string[]>;

export type Collections = { rows: RxCollection<StoredRow>; commands: RxCollection<StoredCommand> };

const KEPT_FOR_MS = 14 * 24 * 3600 * 1000;

const rows = {
  version: 0,
  primaryKey: 'key',
  type: 'object',
  properties: {
    key: { type: 'string', maxLength: 120 },
    type: { type: 'string' },
    id: { type: 'string' },
    version: { type: 'number' },
    body: { type: 'object', additionalProperties: true },
  },
  required: ['key', 'type', 'id', 'version', 'body'],
} as const;

const commands = {
  version: 0,
  primaryKey: 'id',
  type: 'object',
  properties: {
    id: { type: 'string', maxLength: 36 },
    seq: { type: 'number' },
    name: { type: 'string' },
    v: { type: 'number' },
    args: { type: 'object', additionalProperties: true },
    base: { type: 'array', items: { type: 'object', additionalProperties: true } },
    depends_on: { type: 'array', items: { type: 'string' } },
    captured: { type: 'object', additionalProperties: true },
    attachments: { type: 'array', items: { type: 'object', additionalProperties: true } },
    status: { type: 'string' },
    code: { type: 'string' },
    message: { type: 'string' },
    case_id: { type: 'string' },
  },
  required: ['id', 'seq', 'name', 'args', 'captured', 'status'],
} as const;

/** The phone: a database, a server, and the two replications between them. */
export class Phone {
  readonly clock = new PhoneClock();
  private readonly asked = new Subject<'RESYNC'>();
  private epoch: number;
  private startAnew = false;
  private inOrder: Promise<unknown> = Promise.resolve();
  private readonly replications;

  static async open(
    name: string,
    storage: RxStorage<unknown, unknown>,
    server: Server,
    registration: Registration,
  ): Promise<Phone> {
    const database = await createRxDatabase<Collections>({ name, storage });
    await database.addCollections({ rows: { schema: rows }, commands: { schema: commands } });
    return new Phone(database, server, registration);
  }

  private constructor(
    readonly database: RxDatabase<Collections>,
    readonly server: Server,
    registration: Registration,
  ) {
    this.epoch = registration.epoch;
    this.replications = {
      commands: replicateRxCollection<StoredCommand, Stand>({
        collection: database.commands,
        replicationIdentifier: `fieldops-commands-${registration.id}`,
        retryTime: 500,
        push: {
          batchSize: 50,
          handler: (changed) => this.handIn(changed.map((change) => change.newDocumentState)),
        },
      }),
      rows: replicateRxCollection<StoredRow, Stand>({
        collection: database.rows,
        replicationIdentifier: `fieldops-rows-${registration.id}`,
        retryTime: 500,
        pull: {
          // RxDB asks again while a page is not smaller than this: until the server says
          // "unchanged". It stores the checkpoint after the documents, so that a page counts
          // as held only when it is.
          batchSize: 1,
          handler: (stand) => this.fetch(stand),
          stream$: this.asked.asObservable(),
        },
      }),
    };
  }

  /** Queue a command; needs no network. `names` are the rows that the user saw when deciding. */
  capture(name: string, args: Record<string, unknown>, names: string[] = []): Promise<StoredCommand> {
    const done = this.inOrder.then(async () => {
      const [newest] = await this.database.commands.find({ sort: [{ seq: 'desc' }], limit: 1 }).exec();
      const seen = await this.database.rows.findByIds(names).exec();
      const command: StoredCommand = {
        id: uuid7(),
        seq: (newest?.seq ?? 0) + 1,
        name,
        v: 1,
        args,
        base: [...seen.values()].map(({ type, id, version }) => ({ ref: { type, id }, version })),
        depends_on: [],
        captured: { ...this.clock.read(), tz: Intl.DateTimeFormat().resolvedOptions().timeZone },
        attachments: [],
        status: 'queued',
      };
      await this.database.commands.insert(command);
      return command;
    });
    this.inOrder = done.catch(() => undefined); // seq is 1, 2, 3 ...: one after the other
    return done;
  }

  /** Say what the server knows better: RxDB writes returned documents over the local ones. */
  private async handIn(changed: WithDeleted<StoredCommand>[]): Promise<WithDeleted<StoredCommand>[]> {
    const queue = changed.filter((command) => command.status === 'queued' && !command._deleted);
    if (queue.length === 0) return [];
    queue.sort((a, b) => a.seq - b.seq);
    const answer = await this.server.push(this.epoch, this.clock.read(), queue.map(asSent));
    if (answer.stop?.kind === 'gap') {
      // A queue that went out of step goes out again from there; after a restore all of it.
      if (answer.epoch === this.epoch) await this.sendAgain(answer.stop.expected_seq);
      else await this.enter(answer.epoch);
      throw new Error('the server stands elsewhere; sending again');
    }
    const results = new Map(answer.results.map((result) => [result.id, result.first ?? result]));
    const told = queue.flatMap((command) => {
      const result = results.get(command.id);
      if (result === undefined) return [];
      const { status, code, message, case_id } = result;
      return [{ ...command, status, ...(code && { code, message, case_id }) }];
    });
    if (told.length < queue.length) {
      // RxDB must keep asking for those that were not taken, and learn of those that were.
      for (const command of told) {
        const { status, code, message, case_id } = command;
        const stored = await this.database.commands.findOne(command.id).exec();
        await stored?.incrementalPatch({ status, ...(code && { code, message, case_id }) });
      }
      throw new Error(`the push stopped: ${answer.stop?.kind}`);
    }
    await this.letGo(answer.device.durable_seq);
    return told;
  }

  /** Another epoch: the server was restored, and a copy of this phone may have used its numbers. */
  private async enter(epoch: number): Promise<void> {
    await this.sendAgain(1);
    this.epoch = epoch;
  }

  private async sendAgain(from: number): Promise<void> {
    const kept = await this.database.commands.find({ selector: { seq: { $gte: from } } }).exec();
    for (const command of kept) await command.incrementalPatch({ status: 'queued' });
  }

  /** The erasures that are carried out: what names their rows was handed in and overwritten. */
  private async carriedOut(told: Erasures): Promise<string[]> {
    const queue = await this.database.commands.find({ selector: { status: 'queued' } }).exec();
    const waits = (ids: string[]) => queue.some((c) => isAbout(c.toMutableJSON(), new Set(ids)));
    const done = Object.keys(told).filter((id) => !waits(told[id]!));
    for (const id of done) await this.forgetWords(new Set(told[id]));
    return done;
  }

  /** Ask for the next page; a reset drops every row that the page does not bring. */
  private async fetch(stand: Stand | undefined) {
    const cursor = this.startAnew ? null : (stand?.cursor ?? null);
    const more = {
      erased: await this.carriedOut(stand?.erased ?? {}),
      ...(this.startAnew && { reset_reason: 'hash_differs' }),
    };
    const answer = await this.server.pull(this.epoch, cursor, more);
    this.startAnew = false;
    if (answer.wipe) {
      await this.database.rows.find().remove();
      throw new Error('this device was revoked');
    }
    if (answer.epoch !== (stand?.epoch ?? this.epoch)) await this.enter(answer.epoch);
    this.epoch = answer.epoch;
    const documents = new Map<string, WithDeleted<StoredRow>>();
    if (answer.reset) {
      for (const row of await this.database.rows.find().exec()) {
        documents.set(row.key, { ...row.toMutableJSON(), _deleted: true });
      }
    }
    for (const { type, id } of answer.dels ?? []) {
      const row = await this.database.rows.findOne(`${type}/${id}`).exec();
      if (row !== null) documents.set(row.key, { ...row.toMutableJSON(), _deleted: true });
    }
    for (const [type, bodies] of Object.entries(answer.puts ?? {})) {
      for (const body of bodies) {
        const { id, version } = body;
        documents.set(`${type}/${id}`, { key: `${type}/${id}`, type, id, version, body, _deleted: false });
      }
    }
    if (answer.view !== undefined) this.view = answer.view;
    const erase = answer.erase ?? [];
    if (erase.length > 0) await this.forgetWords(new Set(erase.map((row) => row.id)));
    // Only what this pull tells: what it tells no more is acknowledged.
    const erased: Erasures = answer.unchanged ? (stand?.erased ?? {}) : {};
    for (const row of erase) (erased[row.erasure_id] ??= []).push(row.id);
    return {
      documents: [...documents.values()],
      checkpoint: { id: 'stand', cursor: answer.cursor, epoch: answer.epoch, erased },
    };
  }

  /** Overwrite what kept commands say in words about an erased person; rows come anew anyway. */
  private async forgetWords(ids: Set<string>): Promise<void> {
    const kept = await this.database.commands.find().exec();
    for (const command of kept.filter((c) => c.status !== 'queued')) {
      const emptied = withoutWords(command.toMutableJSON(), ids);
      if (emptied !== null) await command.incrementalPatch({ args: emptied.args });
    }
  }

  private view: { rows: number; hash: string } | null = null;

  /** Hand in and pull; resolves true only when nothing is left on either side. */
  async sync(): Promise<boolean> {
    let failed = false;
    const { commands: outgoing, rows: incoming } = this.replications;
    const watched = [outgoing, incoming].map((r) => r.error$.subscribe(() => (failed = true)));
    outgoing.reSync();
    await Promise.race([outgoing.awaitInSync(), nextError(outgoing.error$)]);
    this.asked.next('RESYNC');
    await Promise.race([incoming.awaitInSync(), nextError(incoming.error$)]);
    for (const subscription of watched) subscription.unsubscribe();
    if (failed) return false;
    const found = await this.database.rows.find().exec();
    if (this.view !== null && (await viewHash(found)) !== this.view.hash) {
      this.startAnew = true; // the rows are not those of the server: the next sync starts anew
      return false;
    }
    return (await this.queued()) === 0;
  }

  /** How many captured commands the server has not answered. */
  async queued(): Promise<number> {
    return (await this.database.commands.find({ selector: { status: 'queued' } }).exec()).length;
  }

  /** Let go of commands that are durable and 14 days old; younger ones are kept for a restore. */
  private async letGo(durableSeq: number): Promise<void> {
    const oldest = new Date(Date.now() - KEPT_FOR_MS).toISOString();
    const durable = await this.database.commands.find({ selector: { seq: { $lte: durableSeq } } }).exec();
    const old = durable.filter((c) => c.status !== 'queued' && c.captured.wall < oldest);
    await this.database.commands.bulkRemove(old.map((command) => command.id));
  }

  async close(): Promise<void> {
    await this.database.close();
  }
}

function nextError(errors: { subscribe: (next: () => void) => { unsubscribe(): void } }) {
  return new Promise<void>((resolve) => {
    const subscription = errors.subscribe(() => {
      resolve();
      setTimeout(() => subscription.unsubscribe());
    });
  });
}

/** A command as it travels: the same content at every sending, whatever became of it. */
function asSent(command: StoredCommand): Command {
  const { id, seq, name, v, args, base, depends_on, captured, attachments } = command;
  return { id, seq, name, v, args, base, depends_on, captured, attachments };
}

