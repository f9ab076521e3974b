// Reverse-mode differentiation that emits ONNX: every operation puts its forward nodes into the graph and, if an input
// needs a gradient, leaves a vector-Jacobian product on the tape; backward() plays the tape from the end and emits those.
// Nothing is computed here: the result is one ordinary graph with loss and gradients as outputs.
//
// Shapes: T tokens (known only at run time), everything else fixed. Formulas stand above each operation, with dy for
// the gradient that arrives.
import type { Graph, Tensor } from './graph.ts';
import type { Dimension } from './protobuf.ts';

/** A tensor on the tape; `grad` is set by backward() where `needsGrad`. */
export interface Var extends Tensor {
  readonly needsGrad: boolean;
}

type Pullback = (dy: Tensor) => void;

export class Tape {
  readonly graph: Graph;
  readonly #tape: { output: string; pull: Pullback }[] = [];
  readonly #grads = new Map<string, Tensor>();

  constructor(graph: Graph) {
    this.graph = graph;
  }

  constant(tensor: Tensor): Var {
    return { name: tensor.name, needsGrad: false };
  }

  parameter(tensor: Tensor): Var {
    return { name: tensor.name, needsGrad: true };
  }

  #record(output: Tensor, inputs: readonly Var[], pull: Pullback): Var {
    const needsGrad = inputs.some((input) => input.needsGrad);
    if (needsGrad) this.#tape.push({ output: output.name, pull });
    return { name: output.name, needsGrad };
  }

  /** Adds a contribution to a variable's gradient. */
  #add(input: Var, grad: () => Tensor): void {
    if (!input.needsGrad) return;
    const before = this.#grads.get(input.name);
    this.#grads.set(input.name, before === undefined ? grad() : this.graph.op('Add', [before, grad()]));
  }

  /** Plays the tape; the output's own gradient is `seed`. */
  backward(output: Var, seed: Tensor): void {
    this.#grads.set(output.name, seed);
    for (const { output: name, pull } of this.#tape.toReversed()) {
      const dy = this.#grads.get(name);
      if (dy !== undefined) pull(dy);
    }
  }

  grad(variable: Var): Tensor {
    const grad = this.#grads.get(variable.name);
    if (grad === undefined) throw new Error(`${variable.name} has no gradient: the output does not depend on it`);
    return grad;
  }

  // ── operations ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** y = x Wᵀ + b, x [T,in], W [out,in], b [out] or none.   dx = dy W,  dW = dyᵀ x,  db = Σ dy */
  linear(x: Var, w: Var, b?: Var): Var {
    const g = this.graph;
    const inputs = b === undefined ? [x, w] : [x, w, b];
    return this.#record(g.op('Gemm', inputs, { transB: 1 }), inputs, (dy) => {
      this.#add(x, () => g.op('Gemm', [dy, w]));
      this.#add(w, () => g.op('Gemm', [dy, x], { transA: 1 }));
      if (b !== undefined) this.#add(b, () => g.op('ReduceSum', [dy, g.ints([0])], { keepdims: 0 }));
    });
  }

  /**
   * y = z + s (x Aᵀ) Bᵀ, LoRA's factors A [r,in] and B [out,r] beside z [T,out].
   * The scale goes to the r columns in between: onnxruntime is fast on one token where a Gemm has no factor of its own.
   */
  lowRank(z: Var, x: Var, a: Var, b: Var, s: number): Var {
    const g = this.graph;
    const inner = this.scale(this.linear(x, a), s);
    return this.#record(g.op('Gemm', [inner, b, z], { transB: 1 }), [inner, b, z], (dy) => {
      this.#add(inner, () => g.op('Gemm', [dy, b]));
      this.#add(b, () => g.op('Gemm', [dy, inner], { transA: 1 }));
      this.#add(z, () => dy);
    });
  }

  /** y = a + b, same shapes. */
  add(a: Var, b: Var): Var {
    return this.#record(this.graph.op('Add', [a, b]), [a, b], (dy) => {
      this.#add(a, () => dy);
      this.#add(b, () => dy);
    });
  }

  /** y = s x; x itself where s is 1. */
  scale(x: Var, s: number): Var {
    if (s === 1) return x;
    const g = this.graph;
    return this.#record(g.op('Mul', [x, g.scalar(s)]), [x], (dy) => this.#add(x, () => g.op('Mul', [dy, g.scalar(s)])));
  }

  /** y = x + c */
  plus(x: Var, c: number): Var {
    const g = this.graph;
    return this.#record(g.op('Add', [x, g.scalar(c)]), [x], (dy) => this.#add(x, () => dy));
  }

  /** y = c tanh(x / c), which keeps |y| below c.   dx = dy (1 − (y/c)²) */
  cap(x: Var, c: number): Var {
    const g = this.graph;
    const bent = g.op('Tanh', [g.op('Div', [x, g.scalar(c)])]);
    return this.#record(g.op('Mul', [bent, g.scalar(c)]), [x], (dy) =>
      this.#add(x, () => g.op('Mul', [dy, this.#capSlope(bent)])),
    );
  }

  #capSlope(bent: Tensor): Tensor {
    const g = this.graph;
    return g.op('Sub', [g.scalar(1), g.op('Mul', [bent, bent])]);
  }

  /** Parts of x [T, Σ widths] side by side.   dx = the parts' gradients side by side */
  split(x: Var, widths: readonly number[]): Var[] {
    const g = this.graph;
    const parts = g.ops('Split', [x, g.ints(widths)], widths.length, { axis: -1 });
    // one entry for all of them: whatever uses a part comes later on the tape, so their gradients are there by then
    this.#record(parts[0] as Tensor, [x], () =>
      this.#add(x, () =>
        g.op(
          'Concat',
          parts.map((part) => this.grad({ ...part, needsGrad: true })),
          { axis: -1 },
        ),
      ),
    );
    return parts.map(({ name }) => ({ name, needsGrad: x.needsGrad }));
  }

  /**
   * y = gelu(a) · b with gelu(a) = a h, h = (1 + t) / 2, t = tanh(k (a + c a³)), k = √(2/π), c = 0.044715.
   * da = dy b (h + a (1 − t²) k (1 + 3 c a²) / 2),  db = dy gelu
   */
  geglu(a: Var, b: Var): Var {
    const g = this.graph;
    const [k, c] = [Math.sqrt(2 / Math.PI), 0.044715];
    const squared = g.op('Mul', [a, a]);
    const inner = g.op('Mul', [a, g.op('Add', [g.op('Mul', [squared, g.scalar(k * c)]), g.scalar(k)])]);
    const t = g.op('Tanh', [inner]);
    const h = g.op('Mul', [g.op('Add', [t, g.scalar(1)]), g.scalar(0.5)]);
    const gelu = g.op('Mul', [a, h]);
    return this.#record(g.op('Mul', [gelu, b]), [a, b], (dy) => {
      this.#add(b, () => g.op('Mul', [dy, gelu]));
      this.#add(a, () => {
        const bend = g.op('Add', [g.op('Mul', [squared, g.scalar(1.5 * k * c)]), g.scalar(0.5 * k)]);
        const slope = g.op('Add', [h, g.op('Mul', [g.op('Mul', [a, this.#capSlope(t)]), bend])]);
        return g.op('Mul', [g.op('Mul', [dy, b]), slope]);
      });
    });
  }

  /** y = silu(a) · b, silu(a) = a σ(a).   da = dy b (σ + silu (1 − σ)),  db = dy silu */
  swiglu(a: Var, b: Var): Var {
    const g = this.graph;
    const sigma = g.op('Sigmoid', [a]);
    const silu = g.op('Mul', [a, sigma]);
    return this.#record(g.op('Mul', [silu, b]), [a, b], (dy) => {
      this.#add(b, () => g.op('Mul', [dy, silu]));
      this.#add(a, () => {
        const slope = g.op('Add', [sigma, g.op('Mul', [silu, g.op('Sub', [g.scalar(1), sigma])])]);
        return g.op('Mul', [g.op('Mul', [dy, b]), slope]);
      });
    });
  }

  /**
   * y = x̂ w, x̂ = x / rms(x) over the last axis; x [T,n] or [T,h,n], w [n].
   * dw = Σ dy x̂;  dx = (dy w − x̂ mean(dy w x̂)) / rms(x)
   */
  rmsNorm(x: Var, w: Var, epsilon: number, leadingAxes: readonly number[]): Var {
    const g = this.graph;
    const last = g.ints([-1]);
    const mean = g.op('ReduceMean', [g.op('Mul', [x, x]), last], { keepdims: 1 });
    const inverse = g.op('Reciprocal', [g.op('Sqrt', [g.op('Add', [mean, g.scalar(epsilon)])])]);
    const unit = g.op('Mul', [x, inverse]);
    return this.#record(g.op('Mul', [unit, w]), [x, w], (dy) => {
      this.#add(w, () => g.op('ReduceSum', [g.op('Mul', [dy, unit]), g.ints(leadingAxes)], { keepdims: 0 }));
      this.#add(x, () => {
        const scaled = g.op('Mul', [dy, w]);
        const along = g.op('ReduceMean', [g.op('Mul', [scaled, unit]), last], { keepdims: 1 });
        return g.op('Mul', [inverse, g.op('Sub', [scaled, g.op('Mul', [unit, along])])]);
      });
    });
  }

  /** y = x in another shape; `back` is x's own. A dimension known at run time only is given by its name. */
  reshape(x: Var, shape: readonly Dimension[], back: readonly Dimension[]): Var {
    const g = this.graph;
    return this.#record(g.reshape(x, shape), [x], (dy) => this.#add(x, () => g.reshape(dy, back)));
  }

  transpose(x: Var, order: readonly number[]): Var {
    const g = this.graph;
    const inverse = order.map((_, axis) => order.indexOf(axis));
    return this.#record(g.op('Transpose', [x], { perm: order }), [x], (dy) =>
      this.#add(x, () => g.op('Transpose', [dy], { perm: inverse })),
    );
  }

  /**
   * Rotary position: the two halves (x₁, x₂) of the first `rotated` places of the last axis turn by each position's
   * angles, the other `kept` stay. Backward turns back (and multiplies by the same factor, where cos and sin hold one).
   */
  rotate(x: Var, cos: Tensor, sin: Tensor, { rotated, kept }: { rotated: number; kept: number }): Var {
    const g = this.graph;
    const sizes = kept === 0 ? [rotated / 2, rotated / 2] : [rotated / 2, rotated / 2, kept];
    const turn = (v: Tensor, sign: 1 | -1): Tensor => {
      const [a, b, ...rest] = g.ops('Split', [v, g.ints(sizes)], sizes.length, { axis: -1 }) as [Tensor, Tensor];
      const [first, second] = sign === 1 ? (['Sub', 'Add'] as const) : (['Add', 'Sub'] as const);
      return g.op(
        'Concat',
        [
          g.op(first, [g.op('Mul', [a, cos]), g.op('Mul', [b, sin])]),
          g.op(second, [g.op('Mul', [b, cos]), g.op('Mul', [a, sin])]),
          ...rest,
        ],
        { axis: -1 },
      );
    };
    return this.#record(turn(x, 1), [x], (dy) => this.#add(x, () => turn(dy, -1)));
  }

  /** y = scale · a bᵀ over the last two axes, batched.   da = scale dy b,  db = scale dyᵀ a */
  matmulTransposed(a: Var, b: Var, scale: number): Var {
    const alpha = { float: scale };
    return this.#record(this.#fused(a, b, { transB: 1, alpha }), [a, b], (dy) => {
      this.#add(a, () => this.#fused(dy, b, { alpha }));
      this.#add(b, () => this.#fused(dy, a, { transA: 1, alpha }));
    });
  }

  /** y = a b over the last two axes, batched.   da = dy bᵀ,  db = aᵀ dy */
  matmul(a: Var, b: Var): Var {
    return this.#record(this.graph.op('MatMul', [a, b]), [a, b], (dy) => {
      this.#add(a, () => this.#fused(dy, b, { transB: 1 }));
      this.#add(b, () => this.#fused(a, dy, { transA: 1 }));
    });
  }

  #fused(a: Tensor, b: Tensor, attributes: Record<string, number | { float: number }>): Tensor {
    return this.graph.op('FusedMatMul', [a, b], attributes, 'com.microsoft');
  }

  /** p = softmax(x + mask) over the last axis.   dx = p (dy − Σ dy p) */
  softmax(x: Var, mask: Tensor): Var {
    const g = this.graph;
    const p = g.op('Softmax', [g.op('Add', [x, mask])], { axis: -1 });
    return this.#record(p, [x], (dy) =>
      this.#add(x, () => {
        const along = g.op('ReduceSum', [g.op('Mul', [dy, p]), g.ints([-1])], { keepdims: 1 });
        return g.op('Mul', [p, g.op('Sub', [dy, along])]);
      }),
    );
  }

  /** y = table[ids].   dtable: dy's rows added at ids, into zeros of the table's shape */
  gather(table: Var, ids: Tensor, rows: number, width: number): Var {
    const g = this.graph;
    return this.#record(g.op('Gather', [table, ids]), [table], (dy) => {
      if (!table.needsGrad) return;
      // into what is there already (tied embeddings: the output's gradient), which saves a table of zeros and a sum
      const into = this.#grads.get(table.name) ?? g.op('Expand', [g.scalar(0), g.ints([rows, width])]);
      this.#grads.set(table.name, this.#scatterAdd(into, ids, dy));
    });
  }

  #scatterAdd(into: Tensor, ids: Tensor, rows: Tensor): Tensor {
    const g = this.graph;
    // reduction is a string attribute; ScatterElements would need ids broadcast to the rows' shape
    return g.op('ScatterND', [into, g.op('Unsqueeze', [ids, g.ints([1])]), rows], { reduction: 'add' });
  }

  /**
   * Loss of a language model: Σ_t w_t · −log softmax(z)[t, target_t], z = x Eᵀ, x [T,D], E [V,D].
   * With p the softmax:  dx = w (p E − E[target]);  dE = pᵀ (w x) − (w x added at the targets' rows).
   * So the V × T matrix is swept once, and one-hot targets are never made.
   * With a cap, z = c tanh(x Eᵀ / c), and its slope s multiplies p, and w at the targets.
   */
  crossEntropy(x: Var, e: Var, targets: Tensor, weights: Tensor, cap?: number): Var {
    const g = this.graph;
    const raw = g.op('Gemm', [x, e], { transB: 1 });
    const bent = cap === undefined ? undefined : g.op('Tanh', [g.op('Div', [raw, g.scalar(cap)])]);
    const logits = cap === undefined || bent === undefined ? raw : g.op('Mul', [bent, g.scalar(cap)]);
    const p = g.op('Softmax', [logits], { axis: -1 });
    const column = g.op('Unsqueeze', [targets, g.ints([1])]);
    const w = g.op('Unsqueeze', [weights, g.ints([1])]);
    // p below the smallest float32 counts as that: 126 bits, far beyond any real token
    const picked = g.op('Max', [g.op('GatherElements', [p, column], { axis: 1 }), g.scalar(1.2e-38)]);
    const loss = g.op('ReduceSum', [g.op('Mul', [g.op('Neg', [g.op('Log', [picked])]), w])], { keepdims: 0 });
    return this.#record(loss, [x, e], () => {
      const slope = bent === undefined ? undefined : this.#capSlope(bent);
      const pull = slope === undefined ? p : g.op('Mul', [p, slope]);
      const slopeAtTarget = slope === undefined ? undefined : g.op('GatherElements', [slope, column], { axis: 1 });
      const atTarget = (rows: Tensor): Tensor =>
        slopeAtTarget === undefined ? rows : g.op('Mul', [rows, slopeAtTarget]);
      this.#add(x, () => {
        const difference = g.op('Sub', [g.op('Gemm', [pull, e]), atTarget(g.op('Gather', [e, targets]))]);
        return g.op('Mul', [difference, w]);
      });
      this.#add(e, () => {
        const weighted = g.op('Mul', [x, w]);
        const swept = g.op('Gemm', [pull, weighted], { transA: 1 });
        return this.#scatterAdd(swept, targets, g.op('Neg', [atTarget(weighted)]));
      });
    });
  }
}
