// One instance of the kernel module and its memory: instantiation, the ABI check, growth. Which instances are kept is
// index.ts's decision.

export interface Exports {
  abi(): number;
  layout(kind: number, K: number, d: number, m: number, N: number): number;
  rows(): number;
  queries(): number;
  scales(): number;
  picks(): number;
  gains(): number;
  sigma2(): number;
  covariances(): number;
  residual(): number;
  select(lambda: number, alpha: number, repeat: number, degree: number): number;
  stopReason(): number;
  heap(): number;
  nearest(
    kind: number,
    rows: number,
    K: number,
    rowBytes: number,
    query: number,
    mask: number,
    k: number,
    scores: number,
    out: number,
  ): number;
}

/** The ABI_VERSION of assembly/layout.ts; a module built from other sources is refused. */
const ABI_VERSION = 3;
const PAGE = 65_536;

export interface Instance {
  readonly exports: Exports;
  /** The memory's buffer, grown to at least `bytes`; views made before a call must not be used after it. */
  reserve(bytes: number): ArrayBuffer;
}

export const instantiate = (module: WebAssembly.Module): Instance => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const exports = instance.exports as unknown as Exports; // checked by the ABI version below
  const abi = typeof exports.abi === 'function' ? exports.abi() : 'none';
  if (abi !== ABI_VERSION)
    throw new Error(`the kernel's ABI is ${abi}, this wrapper speaks ${ABI_VERSION}: run npm run build`);
  return {
    exports,
    reserve(bytes) {
      const missing = Math.ceil(bytes / PAGE) - memory.buffer.byteLength / PAGE;
      if (missing > 0) memory.grow(missing); // throws a RangeError past the engine's limit
      return memory.buffer;
    },
  };
};
