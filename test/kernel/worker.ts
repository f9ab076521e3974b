// What test/kernel/workerd.test.ts runs inside workerd: a problem as JSON in, the wrapper's answer as JSON out.
/// <reference path="../../functions/wasm.d.ts" />
import { toQ15 } from '../../functions/kernel/index.ts';
import { isolateKernel } from '../../functions/kernel/module.workerd.ts';

export interface Question {
  rows: (number | null)[];
  query: number[];
  dimensions: number;
  picks: number;
  quantised: boolean;
}

export default {
  async fetch(request: Request): Promise<Response> {
    const { rows, query, dimensions, picks, quantised } = (await request.json()) as Question;
    const values = Float32Array.from(rows, (value) => value ?? Number.NaN);
    const queries = Float32Array.from(query);
    const kernel = isolateKernel();
    const selected = kernel.select({
      rows: quantised ? toQ15(values) : values,
      queries,
      dimensions,
      picks,
      lambda: 0.01,
      repeat: true,
    });
    const answer = selected.ok ? { ...selected.value, residual: [...selected.value.residual] } : selected.fault;
    const store = kernel.store(dimensions);
    for (let at = 0; at < values.length; at += dimensions) store.append(values.subarray(at, at + dimensions));
    return Response.json({
      ok: selected.ok,
      answer,
      nearest: selected.ok ? kernel.nearest(values, queries, dimensions, 5).indices : [],
      stored: selected.ok ? store.nearest(queries, 5).indices : [],
    });
  },
};
