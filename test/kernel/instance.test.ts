// What the wrapper does with an instance that trapped, or that speaks another ABI: seen with a module made for it.
import asc from 'assemblyscript/asc';
import { describe, expect, it } from 'vitest';
import { createKernel, type Problem } from '../../functions/kernel/index.ts';

// `used` counts an instance's selections, and select() answers with it; λ above 1 traps after counting
const source = (abi: number): string => `
  let used = 0;
  export function abi(): i32 { return ${abi}; }
  export function lay(kind: i32, K: i32, d: i32, m: i32, N: i32): f64 { return 65536; }
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

const problem = (lambda: number): Problem => ({
  rows: new Float32Array(8).fill(0.5),
  queries: new Float32Array(8).fill(0.5),
  dimensions: 8,
  picks: 9,
  lambda,
  repeat: true,
});

describe('an instance', () => {
  it('is kept from one selection to the next, and thrown away once it trapped', async () => {
    const kernel = createKernel(await compile(2));
    const selections = (): number => {
      const result = kernel.select(problem(0.1));
      return result.ok ? result.value.picks.length : Number.NaN;
    };
    expect([selections(), selections()]).toEqual([1, 2]);
    const trapped = kernel.select(problem(2));
    expect(trapped).toMatchObject({ ok: false, fault: { kind: 'internal' } });
    expect([selections(), selections()]).toEqual([1, 2]);
  });

  it('of another ABI is refused', async () => {
    const module = await compile(77);
    expect(() => createKernel(module)).toThrow("the kernel's ABI is 77, this wrapper speaks 2: run npm run build");
  });
});
