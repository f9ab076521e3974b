// The check that test/edge/harness.ts makes of every answer, itself.
import { describe, expect, it } from 'vitest';
import { routeNames } from '../../wire/api/routes.ts';
import { checkDeclared, undeclared } from './declared.ts';

describe('errors of a route', () => {
  it('are known by method and pattern', () => {
    expect(undeclared('GET', '/v1/corpora/docs/examples/a', 'unknown_example')).toBeUndefined();
    expect(undeclared('GET', '/v1/corpora/docs', 'unknown_example')).toContain('GET /v1/corpora/{corpus} answered');
    expect(undeclared('GET', '/v1/corpora', 'bad_key')).toBeUndefined();
    expect(undeclared('POST', '/nowhere', 'anything')).toBeUndefined();
  });

  it('are one of those of every vector that a selection takes', () => {
    for (const name of routeNames.filter((route) => /select$|completions$|score$/.test(route)))
      for (const code of ['bad_vector', 'zero_vector', 'wrong_dimensions']) {
        const [method = '', path = ''] = name.split(' ');
        expect(undeclared(method, path, code)).toBeUndefined();
      }
  });

  it('fail a test that meets another', async () => {
    const answer = (code: string) => Response.json({ error: { code } }, { status: 400 });
    await expect(checkDeclared('GET', '/v1/corpora?limit=2', answer('zero_vector'))).rejects.toThrow('zero_vector');
    await expect(checkDeclared('GET', '/v1/corpora?limit=2', answer('bad_field'))).resolves.toBeUndefined();
    await expect(checkDeclared('GET', '/v1/corpora', Response.json({}))).resolves.toBeUndefined();
  });
});
