// WatermelonDB over the native contract: `synchronize` pulls, the outbox is handed in before it.
//
// WatermelonDB counts a record as pushed as soon as `pushChanges` returns, before an app could
// store what became of it. So the outbox is a table of its own, and its results are written in
// one transaction with the answer; `synchronize` is given no `pushChanges`. The cursor travels
// as a record among the pulled ones and is therefore stored in their transaction.

import { Database, Model, Q, appSchema, tableSchema } from '@nozbe/watermelondb';
import type { DatabaseAdapter, RecordId } from '@nozbe/watermelondb';
import { synchronize } from '@nozbe/watermelondb/sync/index.js';
import type { SyncPullResult } from '@nozbe/watermelondb/sync/index.js';

import { PhoneClock, isAbout, uuid7, viewHash, withoutWords } from './contract.js';
import type { Command, Registration, Result, Row, Server } from './contract.js';

const KEPT_FOR_MS = 14 * 24 * 3600 * 1000;
const STAND = 'stand';

export const schema = appSchema({
  version: 1,
  tables: [
    tableSchema({
      name: 'rows', // id: type/id
      columns: [
        { name: 'type', type: 'string', isIndexed: true },
        { name: 'row_id', type: 'string' },
        { name: 'version', type: 'number' },
        { name: 'body', type: 'string' },
      ],
    }),
    tableSchema({
      name: 'stands',
      columns: [
        { name: 'cursor', type: 'string' },
        { name: 'epoch', type: 'number' },
        { name: 'erased', type: 'string' },
      ],
    }),
    tableSchema({
      name: 'commands',
      columns: [
        { name: 'seq', type: 'number', isIndexed: true },
        { name: 'captured_at', type: 'string' },
        { name: 'body', type: 'string' },
        { name: 'status', type: 'string', isIndexed: true },
        { name: 'result', type: 'string', isOptional: true },
      ],
    }),
  ],
});

class Stored extends Model {
  text(column: string): string {
    return this._getRaw(column as never) as string;
  }

  number(column: string): number {
    return this._getRaw(column as never) as number;
  }

  fill(values: Record<string, string | number | null>): void {
    for (const [column, value] of Object.entries(values)) this._setRaw(column as never, value);
  }
}

export class StoredRow extends Stored {
  static override table = 'rows';

  get body(): Row {
    return JSON.parse(this.text('body')) as Row;
  }
}

export class StoredStand extends Stored {
  static override table = 'stands';
}

export class StoredCommand extends Stored {
  static override table = 'commands';

  get command(): Command {
    return JSON.parse(this.text('body')) as Command;
  }

  get result(): Result | null {
    return JSON.parse(this.text('result') ?? 'null') as Result | null;
  }
}

export class Phone {
  readonly clock = new PhoneClock();
  readonly database: Database;
  private epoch: number;
  private startAnew = false;
  private view: { rows: number; hash: string } | null = null;

  constructor(
    adapter: DatabaseAdapter,
    readonly server: Server,
    registration: Registration,
  ) {
    const modelClasses = [StoredRow, StoredStand, StoredCommand];
    this.database = new Database({ adapter, modelClasses });
    this.epoch = registration.epoch;
  }

  private get commands() {
    return this.database.get<StoredCommand>('commands');
  }

  private get rows() {
    return this.database.get<StoredRow>('rows');
  }

  /** Queue a command; needs no network. `keys` are the rows that the user saw when deciding. */
  capture(name: string, args: Record<string, unknown>, keys: string[] = []): Promise<StoredCommand> {
    return this.database.write(async () => {
      const [newest] = await this.commands.query(Q.sortBy('seq', Q.desc), Q.take(1)).fetch();
      const seen = await this.rows.query(Q.where('id', Q.oneOf(keys))).fetch();
      const command: Command = {
        id: uuid7(),
        seq: (newest?.number('seq') ?? 0) + 1,
        name,
        v: 1,
        args,
        base: seen.map((row) => ({
          ref: { type: row.text('type'), id: row.text('row_id') },
          version: row.number('version'),
        })),
        depends_on: [],
        captured: { ...this.clock.read(), tz: Intl.DateTimeFormat().resolvedOptions().timeZone },
        attachments: [],
      };
      return this.commands.create((stored) => {
        stored._raw.id = command.id as RecordId;
        const { seq, captured } = command;
        const body = JSON.stringify(command);
        stored.fill({ seq, captured_at: captured.wall, body, status: 'queued', result: null });
      });
    });
  }

  queued(): Promise<StoredCommand[]> {
    return this.commands.query(Q.where('status', 'queued'), Q.sortBy('seq')).fetch();
  }

  /** Hand in the outbox, then pull; returns true only when nothing is left on either side. */
  async sync(): Promise<boolean> {
    await this.handIn();
    do {
      this.more = false;
      await synchronize({
        database: this.database,
        sendCreatedAsUpdated: true,
        pullChanges: () => this.page(),
      });
    } while (this.more);
    const stored = await this.rows.query().fetch();
    const held = stored.map((row) => ({
      type: row.text('type'),
      id: row.text('row_id'),
      version: row.number('version'),
    }));
    if (this.view !== null && (await viewHash(held)) !== this.view.hash) {
      this.startAnew = true;
      return false;
    }
    return (await this.queued()).length === 0;
  }

  private more = false;

  private async handIn(): Promise<void> {
    for (let queue = await this.queued(); queue.length > 0; queue = await this.queued()) {
      const batch = queue.slice(0, 50).map((stored) => stored.command);
      const answer = await this.server.push(this.epoch, this.clock.read(), batch);
      const results = new Map(answer.results.map((result) => [result.id, result.first ?? result]));
      const oldest = new Date(Date.now() - KEPT_FOR_MS).toISOString();
      const restored = answer.epoch !== this.epoch;
      // A queue that went out of step goes out again from there; after a restore all of it.
      const from = answer.stop?.kind === 'gap' ? answer.stop.expected_seq : Infinity;
      const expected = restored ? 1 : from;
      const kept = await this.commands.query(Q.where('status', Q.notEq('queued'))).fetch();
      await this.database.write(async () => {
        for (const stored of queue) {
          const result = results.get(stored.id);
          if (result === undefined) continue;
          await stored.update(() => stored.fill({ status: result.status, result: JSON.stringify(result) }));
        }
        for (const stored of kept) {
          const seq = stored.number('seq');
          if (seq >= expected) await stored.update(() => stored.fill({ status: 'queued' }));
          else if (seq <= answer.device.durable_seq && stored.text('captured_at') < oldest) {
            await stored.destroyPermanently();
          }
        }
      });
      this.epoch = answer.epoch;
      if (answer.stop !== null && !restored) return; // what is left waits for the next sync
    }
  }

  /** Another epoch: the server was restored, and a copy of this phone may have used its numbers. */
  private async enter(epoch: number): Promise<void> {
    const kept = await this.commands.query(Q.where('status', Q.notEq('queued'))).fetch();
    await this.database.write(async () => {
      for (const stored of kept) await stored.update(() => stored.fill({ status: 'queued' }));
    });
    this.epoch = epoch;
  }

  /** The erasures that are carried out: what names their rows was handed in and overwritten. */
  private async carriedOut(told: Record<string, string[]>): Promise<string[]> {
    const queue = (await this.queued()).map((stored) => stored.command);
    const waits = (ids: string[]) => queue.some((command) => isAbout(command, new Set(ids)));
    const done = Object.keys(told).filter((id) => !waits(told[id]!));
    for (const id of done) await this.forgetWords(new Set(told[id]));
    return done;
  }

  private async page(): Promise<SyncPullResult> {
    const [stand] = await this.database.get<StoredStand>('stands').query().fetch();
    const cursor = this.startAnew ? null : (stand?.text('cursor') ?? null);
    const told = JSON.parse(stand?.text('erased') ?? '{}') as Record<string, string[]>;
    const answer = await this.server.pull(this.epoch, cursor, {
      erased: await this.carriedOut(told),
      ...(this.startAnew && { reset_reason: 'hash_differs' }),
    });
    this.startAnew = false;
    if (answer.epoch !== (stand?.number('epoch') ?? this.epoch)) await this.enter(answer.epoch);
    this.epoch = answer.epoch;
    this.more = answer.more ?? false;
    this.view = answer.view ?? this.view;
    const updated = Object.entries(answer.puts ?? {}).flatMap(([type, bodies]) =>
      bodies.map((body) => ({
        id: `${type}/${body.id}`,
        type,
        row_id: body.id,
        version: body.version,
        body: JSON.stringify(body),
      })),
    );
    const erase = answer.erase ?? [];
    if (erase.length > 0) await this.forgetWords(new Set(erase.map((row) => row.id)));
    const kept = new Set(updated.map((row) => row.id));
    const dropped = answer.reset ? await this.rows.query().fetchIds() : [];
    const deleted = (answer.dels ?? []).map(({ type, id }) => `${type}/${id}`);
    const erased: Record<string, string[]> = {};
    for (const row of erase) (erased[row.erasure_id] ??= []).push(row.id);
    const { cursor: next, epoch } = answer;
    const standing = { id: STAND, cursor: next ?? '', epoch, erased: JSON.stringify(erased) };
    return {
      timestamp: Date.now(),
      changes: {
        rows: { created: [], updated, deleted: [...deleted, ...dropped.filter((id) => !kept.has(id))] },
        stands: { created: [], updated: answer.unchanged ? [] : [standing], deleted: [] },
      },
    };
  }
  /** Overwrite what kept commands say in words about an erased person; rows come anew anyway. */
  private async forgetWords(ids: Set<string>): Promise<void> {
    const kept = await this.commands.query(Q.where('status', Q.notEq('queued'))).fetch();
    await this.database.write(async () => {
      for (const stored of kept) {
        const emptied = withoutWords(stored.command, ids);
        if (emptied === null) continue;
        await stored.update(() => stored.fill({ body: JSON.stringify(emptied) }));
      }
    });
  }
}
