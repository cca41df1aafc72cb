// TanStack DB with offline transactions, over the native contract.
//
// An offline transaction carries one command in its metadata: what is sent after a restart is
// what was captured, with the same id, seq and clocks. Its optimistic change is shown until the
// command's result is there; then the server's row has been pulled, or the change is undone.
// TanStack DB keeps rows in memory, so the first pull of a process starts from nothing.

import { createCollection } from '@tanstack/db';
import type { SyncConfig } from '@tanstack/db';
import { NonRetriableError, startOfflineExecutor } from '@tanstack/offline-transactions';
import type { OfflineConfig, StorageAdapter } from '@tanstack/offline-transactions';

import { PhoneClock, isAbout, uuid7, viewHash, withoutWords } from './contract.js';
import type { Command, Registration, Row, Server } from './contract.js';

export interface ShownRow {
  key: string; // type/id
  type: string;
  id: string;
  version: number;
  body: Row;
  waiting?: string; // the newest command whose effect is shown on it
}

type Sync = Parameters<SyncConfig<ShownRow, string>['sync']>[0];

const KEPT = 'fieldops/kept/';
const ANSWERED = 'fieldops/answered/';
const KEPT_FOR_MS = 14 * 24 * 3600 * 1000;

export class Phone {
  readonly clock = new PhoneClock();
  private sync!: Sync;
  private epoch: number;
  private cursor: string | null = null;
  // What the server sent, without the optimistic changes that `rows` shows on top.
  private readonly held = new Map<string, { type: string; id: string; version: number }>();
  private pulling: Promise<void> = Promise.resolve();
  private capturing: Promise<unknown> = Promise.resolve();

  readonly rows = createCollection<ShownRow, string>({
    id: 'fieldops-rows',
    getKey: (row) => row.key,
    startSync: true,
    sync: {
      rowUpdateMode: 'full',
      sync: (sync) => {
        this.sync = sync;
      },
    },
  });

  readonly executor;

  constructor(
    readonly server: Server,
    registration: Registration,
    readonly storage: StorageAdapter,
    more: Pick<OfflineConfig, 'onlineDetector' | 'leaderElection'> = {},
  ) {
    this.epoch = registration.epoch;
    this.executor = startOfflineExecutor({
      collections: { rows: this.rows },
      storage,
      mutationFns: {
        command: ({ transaction }) => this.handIn(transaction.metadata.command as Command),
      },
      ...more,
    });
  }

  /** Queue a command and show its effect at once; `show` changes the row the user decided about. */
  capture(
    name: string,
    args: Record<string, unknown>,
    key: string,
    show: (body: Row) => void,
  ): Promise<{ id: string; answered: Promise<unknown> }> {
    const done = this.capturing.then(async () => {
      const seq = Number((await this.storage.get('fieldops/seq')) ?? 0) + 1;
      const seen = this.rows.get(key);
      const command: Command = {
        id: uuid7(),
        seq,
        name,
        v: 1,
        args,
        base: seen ? [{ ref: { type: seen.type, id: seen.id }, version: seen.version }] : [],
        depends_on: [],
        captured: { ...this.clock.read(), tz: Intl.DateTimeFormat().resolvedOptions().timeZone },
        attachments: [],
      };
      const transaction = this.executor.createOfflineTransaction({
        mutationFnName: 'command',
        autoCommit: false,
        metadata: { command },
      });
      transaction.mutate(() =>
        this.rows.update(key, (row) => {
          row.waiting = command.id; // the library sends no transaction that changes nothing
          show(row.body);
        }),
      );
      // Kept for the network and for a restore of the server, before anything is sent.
      await this.storage.set(`${KEPT}${seq}`, JSON.stringify(command));
      await this.storage.set('fieldops/seq', String(seq));
      const answered = transaction.commit();
      answered.catch(() => undefined); // whoever wants to know asks for it
      return { id: command.id, answered };
    });
    this.capturing = done.catch(() => undefined); // seq is 1, 2, 3 ...: one after the other
    return done;
  }

  /** Send one command; throws to be tried again, NonRetriableError when it was refused. */
  private async handIn(command: Command): Promise<void> {
    const answer = await this.server.push(await this.known(), this.clock.read(), [command]);
    const result = answer.results[0]?.first ?? answer.results[0];
    if (answer.epoch !== this.epoch) await this.enter(answer.epoch, command.seq);
    else if (answer.stop?.kind === 'gap') await this.sendAgain(answer.stop.expected_seq, command.seq);
    if (result === undefined) throw new Error(`the push stopped: ${answer.stop?.kind}`);
    await this.storage.set(`${ANSWERED}${command.seq}`, 'yes');
    await this.letGo(answer.device.durable_seq);
    await this.pull(); // the server's row is there before the optimistic one goes
    if (result.status === 'held' || result.status === 'rejected') {
      throw new NonRetriableError(`${result.code}: ${result.message}`);
    }
  }

  /** The epoch that was entered last, by this process or one before it. */
  private async known(): Promise<number> {
    const stored = await this.storage.get('fieldops/epoch');
    if (stored === null) await this.storage.set('fieldops/epoch', String(this.epoch));
    else this.epoch = Number(stored);
    return this.epoch;
  }

  /** Another epoch: the server was restored, and a copy of this phone may have used its numbers. */
  private async enter(epoch: number, before = Infinity): Promise<void> {
    this.epoch = epoch;
    const kept = (await this.storage.keys()).filter((key) => key.startsWith(KEPT));
    const seqs = kept.map((key) => Number(key.slice(KEPT.length))).sort((a, b) => a - b);
    const answered = new Set(await this.answered());
    const again = seqs.filter((seq) => seq < before && answered.has(seq));
    for (const seq of again) await this.sendAgain(seq, seq + 1);
    await this.storage.set('fieldops/epoch', String(epoch)); // only now: else it is done again
  }

  private async answered(): Promise<number[]> {
    const keys = (await this.storage.keys()).filter((key) => key.startsWith(ANSWERED));
    return keys.map((key) => Number(key.slice(ANSWERED.length)));
  }

  /** Hand in again what the server may have lost. */
  private async sendAgain(from: number, before: number): Promise<void> {
    for (let seq = from; seq < before; seq += 1) {
      const kept = await this.storage.get(`${KEPT}${seq}`);
      if (kept === null) return;
      await this.server.push(this.epoch, this.clock.read(), [JSON.parse(kept) as Command]);
    }
  }

  private async letGo(durableSeq: number): Promise<void> {
    const oldest = new Date(Date.now() - KEPT_FOR_MS).toISOString();
    for (const key of await this.storage.keys()) {
      if (!key.startsWith(KEPT) || Number(key.slice(KEPT.length)) > durableSeq) continue;
      const kept = JSON.parse((await this.storage.get(key)) ?? '{}') as Command;
      if (kept.captured.wall >= oldest) continue;
      await this.storage.delete(key);
      await this.storage.delete(`${ANSWERED}${key.slice(KEPT.length)}`);
    }
  }

  /** Overwrite what answered commands say in words about erased people; true when none waits. */
  private async forgetWords(ids: Set<string>): Promise<boolean> {
    const answered = new Set(await this.answered());
    let waits = false;
    for (const key of (await this.storage.keys()).filter((name) => name.startsWith(KEPT))) {
      const kept = JSON.parse((await this.storage.get(key)) ?? '{}') as Command;
      if (!isAbout(kept, ids)) continue;
      if (!answered.has(kept.seq)) waits = true;
      else await this.storage.set(key, JSON.stringify(withoutWords(kept, ids)));
    }
    return !waits;
  }

  /** Pull until nothing is left; one pull at a time, for a page belongs to its cursor. */
  pull(): Promise<void> {
    this.pulling = this.pulling.catch(() => undefined).then(() => this.pages());
    return this.pulling;
  }

  private async pages(): Promise<void> {
    let erased: string[] = [];
    let anew = false;
    for (;;) {
      const more = { erased, ...(anew && this.cursor === null && { reset_reason: 'hash_differs' }) };
      const answer = await this.server.pull(await this.known(), this.cursor, more);
      if (answer.epoch !== this.epoch) await this.enter(answer.epoch);
      if (answer.unchanged) return;
      const { begin, write, commit, truncate, markReady } = this.sync;
      begin({ immediate: true });
      if (answer.reset) {
        truncate();
        this.held.clear();
      }
      for (const { type, id } of answer.dels ?? []) {
        write({ type: 'delete', key: `${type}/${id}` });
        this.held.delete(`${type}/${id}`);
      }
      for (const [type, bodies] of Object.entries(answer.puts ?? {})) {
        for (const body of bodies) {
          const key = `${type}/${body.id}`;
          const { id, version } = body;
          write({ type: this.held.has(key) ? 'update' : 'insert', value: { key, type, id, version, body } });
          this.held.set(key, { type, id, version });
        }
      }
      commit();
      markReady();
      this.cursor = answer.cursor;
      if (answer.more) continue;
      if (answer.view !== undefined && (await viewHash(this.held.values())) !== answer.view.hash) {
        if (anew) throw new Error('the rows differ from the server after a fresh start');
        anew = true;
        this.cursor = null;
        continue;
      }
      const erase = answer.erase ?? [];
      if (erase.length === 0) return;
      // Acknowledged by the next pull, unless something about it waits; then it is told again.
      if (!(await this.forgetWords(new Set(erase.map((row) => row.id))))) return;
      erased = [...new Set(erase.map((row) => row.erasure_id))];
    }
  }

  close(): void {
    this.executor.dispose();
  }
}
