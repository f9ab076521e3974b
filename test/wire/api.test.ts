// The schemas of requests and responses are all that an OpenAPI description needs: each becomes JSON Schema.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { completionChunk, completionRequest, completionResponse } from '../../wire/api/completions.ts';
import {
  corpusDeleted,
  corpusOnWire,
  corpusPage,
  exampleDeleted,
  exampleLine,
  exampleOnWire,
  examplePage,
  pageQuery,
  resultLine,
  uploadQuery,
} from '../../wire/api/corpora.ts';
import { errorBody } from '../../wire/api/error.ts';
import { modelList, modelOnWire } from '../../wire/api/model.ts';
import { scoreRequest, scoreResponse } from '../../wire/api/score.ts';
import { selectedFields, selectLine, selectList, selectRequest, selectResponse } from '../../wire/api/select.ts';

const requests = { completionRequest, exampleLine, pageQuery, uploadQuery, scoreRequest, selectRequest };
const responses = {
  completionChunk,
  completionResponse,
  corpusDeleted,
  corpusOnWire,
  corpusPage,
  errorBody,
  exampleDeleted,
  exampleOnWire,
  examplePage,
  modelList,
  modelOnWire,
  resultLine,
  scoreResponse,
  selectedFields,
  selectLine,
  selectList,
  selectResponse,
};

const described = (schema: z.ZodType, io: 'input' | 'output') =>
  JSON.stringify(z.toJSONSchema(schema, { io, unrepresentable: 'any' }));

describe('an OpenAPI description', () => {
  it.each(Object.entries(requests))('can be made of %s', (_, schema) => {
    expect(described(schema, 'input')).toMatch(/"type":"object"|"anyOf"/);
  });
  it.each(Object.entries(responses))('can be made of %s', (_, schema) => {
    expect(described(schema, 'output')).toContain('"properties"');
  });
  it('tells the limits of a selection', () => {
    const schema = z.toJSONSchema(selectRequest, { io: 'input', unrepresentable: 'any' });
    expect(schema.properties?.n).toMatchObject({ type: 'integer', minimum: 1, maximum: 200, default: 10 });
  });
});
