// When which server's tick ends, the earliest first: a binary heap. A server that was stopped or has gone on meanwhile leaves
// an entry behind, which is passed over when it comes up.
import type { Gpu } from './gpu.ts';

interface Tick {
  readonly atMs: number;
  readonly gpu: Gpu;
}

export class Ticks {
  readonly #heap: Tick[] = [];

  /** The tick that this server is in, if it is in one. */
  add(gpu: Gpu): void {
    if (gpu.tickEndMs === undefined) return;
    const heap = this.#heap;
    heap.push({ atMs: gpu.tickEndMs, gpu });
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (this.#at(parent).atMs <= this.#at(i).atMs) break;
      this.#swap(i, parent);
      i = parent;
    }
  }

  /** The server whose tick ends next. */
  get next(): Tick | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.gpu.tickEndMs === first.atMs) return first;
      this.#removeFirst();
    }
  }

  #at(index: number): Tick {
    const tick = this.#heap[index];
    if (tick === undefined) throw new RangeError(`no tick ${index}`);
    return tick;
  }

  #swap(a: number, b: number): void {
    [this.#heap[a], this.#heap[b]] = [this.#at(b), this.#at(a)];
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && this.#at(child).atMs < this.#at(least).atMs) least = child;
      }
      if (least === i) return;
      this.#swap(i, least);
      i = least;
    }
  }
}
