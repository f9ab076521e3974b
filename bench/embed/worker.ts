// The edge's embedder inside workerd. Its clock stands still during a request, so the caller times whole requests.
/// <reference path="../../functions/modules.d.ts" />
import { onnxEmbedder } from '../../functions/embedding/onnx.ts';
import { windowOf } from '../../functions/embedding/window.ts';
import config from '../../models/embedder/config.json' with { type: 'json' };
import tokenizerJson from '../../models/embedder/tokenizer.json' with { type: 'json' };
import { createEncoder } from '../../tokenizer/encoder.ts';
import { at } from '../../wire/list.ts';

export default {
  async fetch(request: Request): Promise<Response> {
    const { texts, repetitions, only } = (await request.json()) as {
      texts: string[];
      repetitions: number;
      only?: 'tokens';
    };
    const window = windowOf(createEncoder(tokenizerJson, {}), config.max_tokens);
    const tokens = texts.map((text) => window(text, 'head').length);
    let norm = 0;
    for (let r = 0; r < repetitions; r++) {
      if (only === 'tokens') for (const text of texts) norm += window(text, 'head').length;
      else for (const vector of await onnxEmbedder().embed(texts, 'head')) norm += at(vector, 0);
    }
    return Response.json({ tokens, norm });
  },
};
