// Which instances the wrapper keeps, and which modules it refuses, shown with a module that is written for this test.
import asc from 'assemblyscript/asc';
import { describe, expect, it } from 'vitest';
import { createKernel, type Problem } from '../../functions/kernel/index.ts';
import { MAX_KEPT_KERNEL_BYTES } from '../../wire/limits.ts';

// `used` counts an instance's selections, and select() answers with it; λ above 1 traps after counting. A problem takes a
// page of memory for each candidate.
const source = (abi: number): string => `
  let used = 0;
  export function abi(): i32 { return ${abi}; }
  export function layout(kind: i32, K: i32, d: i32, m: i32, N: i32): f64 { return 65536.0 * K; }
  export function rows(): usize { return 1024; }
  export function queries(): usize { return 4096; }
  export function scales(): usize { return 8192; }
  export function picks(): usize { return 16384; }
  export function gains(): usize { return 16384; }
  export function sigma2(): usize { return 16384; }
  export function covariances(): usize { return 16384; }
  export function residual(): usize { return 16384; }
  export function select(lambda: f64, alpha: f64, repeat: i32, degree: i32): i32 {
    used++;
    if (lambda > 1) unreachable();
    return used;
  }
  export function stopReason(): i32 { return 0; }
`;

const compile = async (abi: number): Promise<WebAssembly.Module> => {
  const { error, binary, stderr } = await asc.compileString(source(abi), {
    runtime: 'stub',
    importMemory: true,
    initialMemory: 1,
  });
  if (error !== null || binary === null) throw new Error(stderr.toString());
  return WebAssembly.compile(new Uint8Array(binary));
};

const problem = (lambda: number, candidates = 1): Problem => ({
  rows: new Float32Array(8 * candidates).fill(0.5),
  queries: new Float32Array(8).fill(0.5),
  dimensions: 8,
  picks: 9,
  lambda,
  repeat: true,
});

describe('an instance of the kernel', () => {
  it('is kept from one selection to the next, and thrown away once it trapped', async () => {
    const kernel = createKernel(await compile(3));
    const selections = (): number => {
      const result = kernel.select(problem(0.1));
      return result.ok ? result.value.picks.length : Number.NaN;
    };
    expect([selections(), selections()]).toEqual([1, 2]);
    const trapped = kernel.select(problem(2));
    expect(trapped).toMatchObject({ ok: false, fault: { kind: 'internal' } });
    expect([selections(), selections()]).toEqual([1, 2]);
  });

  it('is kept up to MAX_KEPT_KERNEL_BYTES of memory, and thrown away when a selection made it larger', async () => {
    const kernel = createKernel(await compile(3));
    const selections = (candidates: number): number => {
      const result = kernel.select(problem(0.1, candidates));
      if (!result.ok) throw new Error(JSON.stringify(result.fault));
      return result.value.picks.length;
    };
    const most = MAX_KEPT_KERNEL_BYTES / 65_536;
    expect([selections(1), selections(most), selections(1)]).toEqual([1, 2, 3]);
    expect([selections(most + 1), selections(1), selections(1)]).toEqual([4, 1, 2]);
  });

  it('whose memory a refused selection made too large is thrown away as well', async () => {
    const kernel = createKernel(await compile(3));
    const large = problem(0.1, MAX_KEPT_KERNEL_BYTES / 65_536 + 1);
    const refused = {
      ...large,
      rows: new Int16Array(large.rows.length),
      queries: new Float32Array(8).fill(Number.NaN),
    };
    expect(kernel.select(problem(0.1))).toMatchObject({ ok: true, value: { picks: { length: 1 } } });
    expect(kernel.select(refused)).toMatchObject({ ok: false, fault: { kind: 'bad_vector' } });
    expect(kernel.select(problem(0.1))).toMatchObject({ ok: true, value: { picks: { length: 1 } } });
  });

  it('of another ABI is refused', async () => {
    const module = await compile(77);
    expect(() => createKernel(module)).toThrow("the kernel's ABI is 77, this wrapper speaks 3: run npm run build");
  });
});
