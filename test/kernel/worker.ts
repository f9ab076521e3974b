// What test/kernel/workerd.test.ts runs inside workerd: a problem as JSON in, the wrapper's answer as JSON out.
/// <reference path="../../functions/modules.d.ts" />
import { toQ15 } from '../../functions/kernel/index.ts';
import { isolateKernel } from '../../functions/kernel/module.workerd.ts';
import { generate } from './generate.ts';

export interface Question {
  rows: (number | null)[];
  query: number[];
  dimensions: number;
  picks: number;
  quantised: boolean;
  /** In place of rows and query: so many rows made on either side of the wire, since they are too many to send. */
  generated?: number;
}

export default {
  async fetch(request: Request): Promise<Response> {
    const { rows, query, dimensions, picks, quantised, generated } = (await request.json()) as Question;
    const values = Float32Array.from(rows, (value) => value ?? Number.NaN);
    const queries = Float32Array.from(query);
    const kernel = isolateKernel();
    if (generated !== undefined) {
      const made = generate(generated + 1, dimensions);
      const queries = made.slice(0, dimensions);
      const large = kernel.select({
        rows: made.subarray(dimensions),
        queries,
        dimensions,
        picks,
        lambda: 0.01,
        repeat: true,
      });
      const answer = large.ok ? { picks: large.value.picks, variances: large.value.variances } : large.fault;
      return Response.json({ ok: large.ok, answer, nearest: [], stored: [] });
    }
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
