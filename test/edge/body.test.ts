import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Line, lines } from '../../functions/http/body.ts';
import { parseAs, readCapped } from '../../wire/body.ts';

const utf8 = new TextEncoder();

/** A stream of these pieces; an Error breaks it off. */
const streamOf = (pieces: readonly (string | Uint8Array | Error)[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces) {
        if (piece instanceof Error) return controller.error(piece);
        controller.enqueue(typeof piece === 'string' ? utf8.encode(piece) : piece);
      }
      controller.close();
    },
  });

const collect = async (stream: ReadableStream<Uint8Array>, limit = 100): Promise<(string | number)[]> => {
  const seen: (string | number)[] = [];
  const show = (line: Line) =>
    'bytes' in line ? new TextDecoder().decode(line.bytes) : 'oversize' in line ? line.oversize : `${line.empty} empty`;
  for await (const line of lines(stream, limit)) seen.push(show(line));
  return seen;
};

describe('lines of a stream', () => {
  it('are the same however the bytes are cut', async () => {
    const text = 'äöü\n{"a":1}\r\n\nlast';
    const bytes = utf8.encode(text);
    const want = ['äöü', '{"a":1}', '1 empty', 'last'];
    expect(await collect(streamOf([text]))).toEqual(want);
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(await collect(streamOf([bytes.slice(0, cut), bytes.slice(cut)]))).toEqual(want);
    }
    expect(await collect(streamOf([...bytes].map((byte) => Uint8Array.of(byte))))).toEqual(want);
  });

  it('count a giant line without holding it, and go on after it', async () => {
    let given = 0;
    const piece = new Uint8Array(1 << 16).fill(0x61);
    const giant = new ReadableStream<Uint8Array>({
      pull(controller) {
        given += 1;
        if (given <= 200) controller.enqueue(piece);
        else {
          controller.enqueue(utf8.encode('\nshort\n'));
          controller.close();
        }
      },
    });
    expect(await collect(giant, 1000)).toEqual([200 * piece.length, 'short']);
  });

  it('gather empty lines that follow each other, wherever they stand', async () => {
    const seen: [number, string][] = [];
    for await (const line of lines(streamOf(['\n\r\na\n\n\n\nb\n\n']), 100)) {
      seen.push([line.line, 'empty' in line ? `${line.empty} empty` : 'a line']);
    }
    expect(seen).toEqual([
      [1, '2 empty'],
      [3, 'a line'],
      [4, '3 empty'],
      [7, 'a line'],
      [8, '1 empty'],
    ]);
    expect(await collect(streamOf(['\n'.repeat(150_000)]))).toEqual(['150000 empty']);
  });

  it('allow a line of exactly the limit', async () => {
    expect(await collect(streamOf(['12345\n123456\n']), 5)).toEqual(['12345', 6]);
  });

  it('never yield half a line of a stream that broke off', async () => {
    const seen: string[] = [];
    let gone = false;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (gone) return controller.error(new Error('gone'));
        gone = true;
        controller.enqueue(utf8.encode('whole\nha'));
      },
    });
    const reading = (async () => {
      for await (const line of lines(stream, 100))
        seen.push('bytes' in line ? new TextDecoder().decode(line.bytes) : '');
    })();
    await expect(reading).rejects.toThrow('gone');
    expect(seen).toEqual(['whole']);
  });
});

describe('a JSON body', () => {
  const request = (body: string, headers: Record<string, string> = {}) =>
    new Request('http://edge/', { method: 'POST', body, headers });

  it('is read up to its limit and no further', async () => {
    expect((await readCapped(request('12345'), 5)).ok).toBe(true);
    const over = await readCapped(request('123456'), 5);
    expect(over).toMatchObject({ ok: false, fault: { kind: 'too_large', limit: 5 } });
  });

  it('is refused by its declared length before a byte is read', async () => {
    const over = await readCapped(request('1', { 'content-length': '999' }), 5);
    expect(over).toMatchObject({ ok: false, fault: { kind: 'too_large', got: 999 } });
  });

  it('names the field that does not fit', () => {
    const schema = z.strictObject({ a: z.array(z.strictObject({ n: z.number() })) });
    const parsed = parseAs(utf8.encode('{"a":[{"n":1},{"n":"x"}]}'), schema);
    expect(parsed).toMatchObject({ ok: false, fault: { kind: 'bad_field', param: 'a.1.n' } });
  });

  it('never quotes what it could not read', () => {
    const parsed = parseAs(utf8.encode('{"key":"sk-secret", oops'), z.unknown());
    expect(parsed).toEqual({ ok: false, fault: { kind: 'bad_json', message: 'the body is not JSON' } });
  });

  it.each([
    ['{"vector":[0.5, NaN]}', 'the body is not JSON: NaN at character 17; JSON has no such number'],
    [
      '{"text":"it is: NaN, they say","lambda":-Infinity}',
      'the body is not JSON: -Infinity at character 41; JSON has no such number',
    ],
    ['{"text":"it is: NaN, they say"', 'the body is not JSON'],
  ])('says which number of %s JSON does not have', (text, message) => {
    const parsed = parseAs(utf8.encode(text), z.unknown());
    expect(parsed).toEqual({ ok: false, fault: { kind: 'bad_json', message } });
  });

  it('says when the bytes are no UTF-8', () => {
    const parsed = parseAs(Uint8Array.of(0x22, 0xff, 0x22), z.unknown());
    expect(parsed).toEqual({ ok: false, fault: { kind: 'bad_json', message: 'the body is not UTF-8' } });
  });
});
