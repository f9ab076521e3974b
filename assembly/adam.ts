// Adam with decoupled weight decay over a block of one parameter, four floats at a time: the optimiser of the embedded
// backend (gateway/backends/embedded/adam.ts). A module of its own, because a gateway has no use for the selection kernel.
//
//   m ← β₁m + (1−β₁)g    v ← β₂v + (1−β₂)g²    p ← keep·p − rate·m / (√(v·correction) + ε)
//
// Memory: four blocks of `capacity` floats from the heap up: p, g, m, v. The caller copies a block in and out.

export function abi(): i32 {
  return 1;
}

export function heap(): usize {
  return (__heap_base + 15) & ~15;
}

/** One update of the first `count` floats of the blocks, rounded up to a multiple of four. */
export function step(
  capacity: i32, count: i32, beta1: f32, beta2: f32, rate: f32, correction: f32, epsilon: f32, keep: f32,
): void {
  const stride = <usize>capacity << 2;
  let p = (__heap_base + 15) & ~15;
  const end = p + (<usize>((count + 3) & ~3) << 2);
  const b1 = f32x4.splat(beta1);
  const b2 = f32x4.splat(beta2);
  const a1 = f32x4.splat(1 - beta1);
  const a2 = f32x4.splat(1 - beta2);
  const rates = f32x4.splat(rate);
  const corrections = f32x4.splat(correction);
  const epsilons = f32x4.splat(epsilon);
  const keeps = f32x4.splat(keep);
  for (; p < end; p += 16) {
    const g = v128.load(p + stride);
    const m = f32x4.add(f32x4.mul(b1, v128.load(p + stride * 2)), f32x4.mul(a1, g));
    const v = f32x4.add(f32x4.mul(b2, v128.load(p + stride * 3)), f32x4.mul(a2, f32x4.mul(g, g)));
    v128.store(p + stride * 2, m);
    v128.store(p + stride * 3, v);
    const step = f32x4.div(f32x4.mul(rates, m), f32x4.add(f32x4.sqrt(f32x4.mul(v, corrections)), epsilons));
    v128.store(p, f32x4.sub(f32x4.mul(keeps, v128.load(p)), step));
  }
}
