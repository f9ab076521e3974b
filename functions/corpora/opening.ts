// The corpus of an upload: the one that is there, or one that is made when the first line is accepted. An upload of which
// nothing is stored leaves no corpus behind: what it made is taken away at its end, unless somebody else has written to it.
// Trade-off: an upload that found the corpus there just before that gets unknown_corpus for its lines; sent again, they go in.
import type { Region } from '../../wire/regions.ts';
import type { Env } from '../env.ts';
import type { CorpusInfo, CorpusWanted } from './contract.ts';
import { type AllowedCorpus, catalogueOf, catalogueOfReached, forgetCorpusInfo, listOf } from './store.ts';

/** The corpus to be made, by a name that the asking key may touch. */
type Wanted = CorpusWanted & { readonly name: AllowedCorpus };

export class Opening {
  readonly #env: Env;
  readonly #wanted: Wanted;
  readonly #home: Region | undefined;
  #opened: Promise<CorpusInfo> | undefined;
  #known: CorpusInfo | undefined;
  #made = false;

  /** `known`: the corpus, if it is there; `home`: the region of who fills it, where its objects are made. */
  constructor(env: Env, wanted: Wanted, known?: CorpusInfo, home?: Region) {
    this.#env = env;
    this.#wanted = wanted;
    this.#home = home;
    this.#known = known;
    if (known !== undefined) this.#opened = Promise.resolve(known);
  }

  /** The corpus if it is known by now. */
  get known(): CorpusInfo | undefined {
    return this.#known;
  }

  /** Whether this made it. */
  get made(): boolean {
    return this.#made;
  }

  info(): Promise<CorpusInfo> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined; // the next batch tries again
      throw error;
    });
    return this.#opened;
  }

  async #open(): Promise<CorpusInfo> {
    const { tenant, name } = this.#wanted;
    const list = listOf(this.#env, tenant, this.#home);
    await list.enter(name);
    const { info, made } = await catalogueOf(this.#env, tenant, name, this.#home).open(this.#wanted);
    // a deletion may have taken the name away between these two
    if (made) await list.enter(name);
    this.#made = made;
    this.#known = info;
    return info;
  }

  /** Takes a corpus away that this upload made for nothing. */
  async end(writer: string): Promise<void> {
    const info = this.#known;
    if (!this.#made || info === undefined) return;
    const catalogue = catalogueOfReached(this.#env, info);
    if (!(await catalogue.abandon(info.space, writer))) return;
    const list = listOf(this.#env, info.tenant);
    await list.leave(info.name);
    // another upload may have made it anew between these two
    if ((await catalogue.info()) !== null) await list.enter(info.name);
    forgetCorpusInfo(info.tenant, this.#wanted.name);
  }
}
