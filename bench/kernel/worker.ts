// The subject inside workerd. Its clock stands still during a request, so the caller times whole requests.
/// <reference path="../../functions/modules.d.ts" />
import module from '../../build/sift.wasm';
import { type Kind, type Mode, prepare, type Subject } from './subject.ts';

let held: { key: string; subject: Subject } | undefined;

export default {
  async fetch(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const kind = searchParams.get('kind') as Kind; // written by workerd.ts
    const mode = searchParams.get('mode') as Mode;
    const shape = { K: Number(searchParams.get('K')), d: Number(searchParams.get('d')) };
    const key = `${kind} ${shape.K}x${shape.d}`;
    if (held?.key !== key) held = { key, subject: prepare(module, kind, shape) };
    const sink = held.subject.run(mode, Number(searchParams.get('repetitions')));
    return Response.json({ sink, picks: held.subject.picks });
  },
};
