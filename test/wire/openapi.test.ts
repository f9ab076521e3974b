// The OpenAPI description, as tools read it.
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { factsOf, routeNames } from '../../wire/api/routes.ts';
import { openApi, operationId } from '../../wire/openapi/document.ts';

const document = openApi('1.2.3') as unknown as {
  readonly paths: Record<string, Record<string, Record<string, unknown>>>;
  readonly components: { readonly schemas: Record<string, unknown> };
};

describe('the OpenAPI description', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(structuredClone(document) as never)).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('says of every route what it takes and what it answers', () => {
    for (const name of routeNames) {
      const { body, request, response, lines } = factsOf(name);
      expect([name, body !== undefined], 'a body has a schema').toEqual([name, request !== undefined]);
      expect(response ?? lines, name).toBeDefined();
    }
  });

  it('names every operation once, for those who generate clients from it', () => {
    const ids = routeNames.map(operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z][A-Za-z]+$/);
  });

  it('refers to nothing that is not there', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"/]+)"/g)];
    expect(references.length).toBeGreaterThan(routeNames.length);
    for (const [, name = ''] of references) expect(document.components.schemas).toHaveProperty([name]);
  });

  it('tells how each route fails, and that a busy one says when to come again', () => {
    const responses = document.paths['/v1/select']?.post?.responses as
      | Record<string, { description: string }>
      | undefined;
    expect(responses?.['404']?.description).toContain('unknown_corpus');
    expect(responses?.['429']).toMatchObject({ headers: { 'retry-after': {} } });
  });

  it('leaves no schema open where JSON Schema can say more', () => {
    const open = (value: unknown, path: string): string[] => {
      if (typeof value !== 'object' || value === null) return [];
      if (Object.keys(value).length === 0 && /\/properties\/[^/]+$/.test(path)) return [path];
      return Object.entries(value).flatMap(([key, inner]) => open(inner, `${path}/${key}`));
    };
    expect(open(document.components.schemas, '')).toEqual([]);
  });
});
