// Who starts next, as plain state without clocks or promises: weighted fair queueing over tenants by estimated cost (what
// deficit round robin does with a quantum near zero), oldest first within a tenant.
//
// Every tenant has an account: the cost of what was started for it, divided by its weight. The lowest account is next; of
// equal ones that which started longest ago. `level` is where an account joins that was away: it rises by each started
// cost, divided among all who then contended. So being away saves nothing up, a newcomer is not behind those who already
// had more than their share, and whoever took a heavy turn waits until the others have had as much.
//
// With two or more slots a tenant never takes the last one while another tenant waits: nobody is shut out for as long as
// a stranger's request takes, whatever the accounts say. Trade-off: an estimate is charged in full when a request starts;
// one that is cancelled or ends early is not paid back.
import { at } from '../wire/list.ts';

export interface Waiting {
  readonly tenant: string;
  /** Estimated work, above 0. */
  readonly cost: number;
}

interface Account<T> {
  readonly tenant: string;
  readonly weight: number;
  received: number;
  running: number;
  /** The number of its last start, among all starts; −1 for none. */
  lastStart: number;
  readonly waiting: T[];
}

export class FairOrder<T extends Waiting> {
  readonly #slots: number;
  readonly #weightOf: (tenant: string) => number;
  readonly #accounts = new Map<string, Account<T>>();
  #level = 0;
  #starts = 0;
  #running = 0;
  #waiting = 0;

  constructor(slots: number, weightOf: (tenant: string) => number) {
    this.#slots = slots;
    this.#weightOf = weightOf;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Tenants that are remembered: they wait, run, or have had more than their share. */
  get tenants(): number {
    return this.#accounts.size;
  }

  get full(): boolean {
    return this.#running >= this.#slots;
  }

  waitingOf(tenant: string): number {
    return this.#accounts.get(tenant)?.waiting.length ?? 0;
  }

  /** A copy to look ahead with. */
  copy(): FairOrder<T> {
    const copy = new FairOrder<T>(this.#slots, this.#weightOf);
    for (const [tenant, account] of this.#accounts) {
      copy.#accounts.set(tenant, { ...account, waiting: [...account.waiting] });
    }
    copy.#level = this.#level;
    copy.#starts = this.#starts;
    copy.#running = this.#running;
    copy.#waiting = this.#waiting;
    return copy;
  }

  add(request: T): void {
    const account = this.#accountOf(request.tenant);
    if (account.waiting.length === 0) account.received = Math.max(account.received, this.#level);
    account.waiting.push(request);
    this.#waiting += 1;
  }

  /** Takes a waiting request out; false if it is not waiting. */
  remove(request: T): boolean {
    const account = this.#accounts.get(request.tenant);
    const index = account?.waiting.indexOf(request) ?? -1;
    if (account === undefined || index < 0) return false;
    account.waiting.splice(index, 1);
    this.#waiting -= 1;
    this.#forget();
    return true;
  }

  /** The request whose turn it is, counted as running from now on; undefined if no slot is free or nobody waits. */
  next(): T | undefined {
    if (this.full) return undefined;
    const contenders = this.#contenders();
    const account = contenders.reduce<Account<T> | undefined>(
      (best, other) =>
        best === undefined ||
        other.received < best.received ||
        (other.received === best.received && other.lastStart < best.lastStart)
          ? other
          : best,
      undefined,
    );
    const request = account?.waiting.shift();
    if (account === undefined || request === undefined) return undefined;
    // what a tenant was owed by those who have gone is no claim on those to come
    if (contenders.length === 1) account.received = Math.max(account.received, this.#level);
    this.#level = Math.max(this.#level, account.received);
    this.#level += request.cost / contenders.reduce((sum, { weight }) => sum + weight, 0);
    account.received += request.cost / account.weight;
    account.running += 1;
    account.lastStart = this.#starts;
    this.#starts += 1;
    this.#running += 1;
    this.#waiting -= 1;
    return request;
  }

  /** A request of this tenant that ran has ended. */
  end(tenant: string): void {
    const account = this.#accounts.get(tenant);
    if (account === undefined || account.running === 0) throw new Error(`tenant '${tenant}' has nothing running`);
    account.running -= 1;
    this.#running -= 1;
    this.#forget();
  }

  /**
   * The newest waiting request of the tenant that holds the most places for its weight, if that is more than `tenant`
   * would hold with one more: what has to go when the queue is full, so that nobody is kept out by another's backlog.
   */
  beyondShare(tenant: string): T | undefined {
    const own = (this.waitingOf(tenant) + 1) / this.#weightOf(tenant);
    let longest: Account<T> | undefined;
    let most = own;
    for (const account of this.#accounts.values()) {
      const held = account.waiting.length / account.weight;
      if (held > most) {
        longest = account;
        most = held;
      }
    }
    return longest === undefined ? undefined : at(longest.waiting, longest.waiting.length - 1);
  }

  /** Places of `limit` that are this tenant's, beside all who wait and `newcomer`. */
  share(tenant: string, newcomer: string, limit: number): number {
    const tenants = new Set([tenant, newcomer]);
    for (const account of this.#accounts.values()) if (account.waiting.length > 0) tenants.add(account.tenant);
    let weights = 0;
    for (const one of tenants) weights += this.#weightOf(one);
    return Math.floor((limit * this.#weightOf(tenant)) / weights);
  }

  #accountOf(tenant: string): Account<T> {
    const known = this.#accounts.get(tenant);
    if (known !== undefined) return known;
    const weight = this.#weightOf(tenant);
    const account: Account<T> = { tenant, weight, received: this.#level, running: 0, lastStart: -1, waiting: [] };
    this.#accounts.set(tenant, account);
    return account;
  }

  #contenders(): Account<T>[] {
    const waiting = [...this.#accounts.values()].filter((account) => account.waiting.length > 0);
    if (this.#slots === 1 || waiting.length <= 1) return waiting;
    return waiting.filter(({ running }) => running + 1 < this.#slots);
  }

  /** Drops accounts that say nothing any more; with nobody inside, all of them. */
  #forget(): void {
    if (this.#running === 0 && this.#waiting === 0) {
      this.#accounts.clear();
      this.#level = 0;
      return;
    }
    for (const [tenant, { waiting, running, received }] of this.#accounts) {
      if (waiting.length === 0 && running === 0 && received <= this.#level) this.#accounts.delete(tenant);
    }
  }
}
