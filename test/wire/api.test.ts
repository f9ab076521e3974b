// The schemas of requests and responses are all that an OpenAPI description needs: each becomes JSON Schema.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { chatChunk, chatRequest, chatResponse } from '../../wire/api/chat.ts';
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
import { embeddingsRequest, embeddingsResponse } from '../../wire/api/embeddings.ts';
import { errorBody } from '../../wire/api/error.ts';
import { modelList, modelOnWire } from '../../wire/api/model.ts';
import { scoreRequest, scoreResponse } from '../../wire/api/score.ts';
import { selectedFields, selectLine, selectList, selectRequest, selectResponse } from '../../wire/api/select.ts';

const requests = {
  chatRequest,
  completionRequest,
  embeddingsRequest,
  exampleLine,
  pageQuery,
  uploadQuery,
  scoreRequest,
  selectRequest,
};
const responses = {
  chatChunk,
  chatResponse,
  embeddingsResponse,
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
  it('tells the limits and the accepted values of a chat', () => {
    const { properties, required } = z.toJSONSchema(chatRequest, { io: 'input', unrepresentable: 'any' });
    expect(required).toEqual(['model', 'messages']);
    expect(properties?.n).toMatchObject({ anyOf: [{ type: 'integer', minimum: 1, maximum: 8 }, { type: 'null' }] });
    expect(JSON.stringify(properties?.sift)).toContain('"system_template"');
    expect(properties?.tools).toMatchObject({ anyOf: [{ type: 'array', items: { not: {} } }, { type: 'null' }] });
  });
  it('tells the limits of a selection', () => {
    const schema = z.toJSONSchema(selectRequest, { io: 'input', unrepresentable: 'any' });
    expect(schema.properties?.n).toMatchObject({ type: 'integer', minimum: 1, maximum: 200, default: 10 });
  });
});
