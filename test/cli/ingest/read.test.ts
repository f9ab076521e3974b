// What each kind of input gives, and what hostile ones are refused for. No place of an input is lost without a word.

import { execFileSync } from 'node:child_process';
import { appendFileSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { metaFields } from '../../../cli/ingest/fields.ts';
import { inputsOf } from '../../../cli/ingest/inputs.ts';
import { linesOf } from '../../../cli/ingest/lines.ts';
import { bytesOf } from '../../../cli/ingest/open.ts';
import { pdfReader } from '../../../cli/ingest/pdf.ts';
import { MAX_LINE_BYTES } from '../../../wire/limits.ts';
import { readAll, short, workDirectory } from './inputs.ts';
import { tinyPdf } from './tiny-pdf.ts';

let work: ReturnType<typeof workDirectory>;
beforeEach(() => {
  work = workDirectory();
});
afterEach(() => work.remove());

describe('JSONL', () => {
  it('goes as it is in the shape of the edge, whatever its line ends, mark and blank lines', async () => {
    const path = work.write('a.jsonl', '\ufeff{"id":"x","text":"one","metadata":{"k":1}}\r\n\r\n  \n{"text":"two"}');
    const found = await readAll([path]);
    expect(found).toEqual([
      { type: 'text', place: { source: 'a.jsonl', line: 1 }, isRow: true, id: 'x', text: 'one', metadata: { k: 1 } },
      { type: 'text', place: { source: 'a.jsonl', line: 4 }, isRow: true, text: 'two' },
    ]);
  });

  it('tells the line of what is wrong, and reads on', async () => {
    const path = work.write(
      'a.jsonl',
      Buffer.concat([
        Buffer.from('{"text":"one"}\n{"text":\n[1]\n{"other":1}\n'),
        Buffer.from([0xff, 0x0a]),
        Buffer.from('{"text":"six"}\n'),
      ]),
    );
    expect(short(await readAll([path]))).toEqual([
      '1: one',
      expect.stringMatching(/^!2: the line is not JSON: /),
      '!3: the line is a list of 1, it must be an object',
      '!4: no field text, content, body; it has other',
      '!5: the line is not UTF-8',
      '6: six',
    ]);
  });

  it('takes fields by dotted paths, numbers as ids exactly, and types what the corpus declares', async () => {
    const path = work.write(
      'a.ndjson',
      '{"doc":{"body":"one"},"n":12345678901234567890,"a":{"year":"2024","tags":["x"]},"a.b":"flat"}\n',
    );
    const fields = { text: 'doc.body', id: 'n', meta: metaFields('year=a.year,a.tags,flat=a.b') };
    const [found] = await readAll([path], { fields, types: { year: 'number' } });
    expect(found).toMatchObject({
      id: '12345678901234567890',
      text: 'one',
      metadata: { year: 2024, a_tags: ['x'], flat: 'flat' },
    });
  });

  it('refuses what cannot be an id, a text or metadata', async () => {
    const path = work.write(
      'a.jsonl',
      '{"t":5}\n{"t":"x","i":{}}\n{"t":"x"}\n{"t":"x","i":1,"m":{"deep":1}}\n{"t":"x","i":1,"m":"no"}\n',
    );
    const fields = { text: 't', id: 'i', meta: metaFields('m') };
    expect(short(await readAll([path], { fields, types: { m: 'boolean' } }))).toEqual([
      '!1: no field i, which is to be the id',
      '!2: i is an object, an id is a text or a number',
      '!3: no field i, which is to be the id',
      '!4: m is an object, metadata is text, a number, true or false, or a list of texts',
      '!5: m is "no", it must be true or false',
    ]);
  });

  it('counts a line that is far too long without holding it, and reads the next', async () => {
    const piece = Buffer.alloc(1024 * 1024, 0x61);
    async function* pieces() {
      for (let i = 0; i < 2_048; i++) yield piece;
      yield Buffer.from('\n{"text":"after"}\n');
    }
    const before = process.memoryUsage().rss;
    const lines = await Array.fromAsync(linesOf(pieces(), MAX_LINE_BYTES));
    expect(lines).toEqual([
      { line: 1, oversize: 2_048 * 1024 * 1024 },
      { line: 2, bytes: Buffer.from('{"text":"after"}') },
    ]);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  });
});

describe('CSV', () => {
  it('takes columns by name, with quotes, line ends within cells, and other separators', async () => {
    const path = work.write('a.csv', '\ufeffid,Text,lang\r\n7,"one, ""two""\nthree",en\r\n8,four,\r\n');
    const fields = { id: 'id', meta: metaFields('lang') };
    expect(await readAll([path], { fields })).toEqual([
      {
        type: 'text',
        place: { source: 'a.csv', line: 2 },
        isRow: true,
        id: '7',
        text: 'one, "two"\nthree',
        metadata: { lang: 'en' },
      },
      { type: 'text', place: { source: 'a.csv', line: 4 }, isRow: true, id: '8', text: 'four', metadata: {} },
    ]);
    const tsv = work.write('a.tsv', 'content\tx\none\t1\n');
    expect(short(await readAll([tsv]))).toEqual(['2: one']);
  });

  it('reads what spreadsheets write: Windows-1252 and UTF-16', async () => {
    const western = work.write('w.csv', Buffer.from('text\nZürich\n', 'latin1'));
    const wide = work.write('u.csv', Buffer.from('\ufefftext\nZürich\n', 'utf16le'));
    expect(short(await readAll([western, wide]))).toEqual(['2: Zürich', '2: Zürich']);
  });

  it('refuses a row that does not fit its header, an empty id, a value of another type', async () => {
    const path = work.write('a.csv', 'id,text,n\n1,one\n,two,2\n3,three,x\n4,four,4\n');
    const fields = { id: 'id', meta: metaFields('n') };
    expect(short(await readAll([path], { fields, types: { n: 'number' } }))).toEqual([
      '!2: 2 fields, the header has 3',
      '!3: its id is empty',
      '!4: n is "x", it must be a number',
      '5: four',
    ]);
  });

  it('says from where on a quote that is never closed hides the rest', async () => {
    const path = work.write('a.csv', 'text\none\n"two\nthree\nfour\n');
    expect(short(await readAll([path]))).toEqual([
      '2: one',
      expect.stringMatching(/^!3: nothing is read from here on: /),
    ]);
  });

  it('lists the columns where the text is in none of the usual ones', async () => {
    const path = work.write('dir/a.csv', 'name,address\nx,y\n');
    await expect(readAll([path])).rejects.toThrow(
      /a.csv: no column text, content or body: say --text-column; it has name, address/,
    );
    await expect(readAll([path], { fields: { text: 'nope', meta: [] } })).rejects.toThrow(
      "no column 'nope': it has name, address",
    );
    work.write('dir/b.md', 'text');
    expect(short(await readAll([work.path('dir')]))).toEqual([expect.stringMatching(/^!: no column text/), ': text']);
  });
});

describe('HTML', () => {
  it('is what a reader reads', async () => {
    const path = work.write(
      'a.html',
      '<html><head><title>t</title><style>p{}</style></head><body><nav>menu</nav><h1>Head</h1><p>One <a href="http://x">two</a>.</p><script>x()</script><ul><li>item</li></ul></body></html>',
    );
    const [found] = await readAll([path]);
    expect(found).toMatchObject({ type: 'text', text: expect.stringMatching(/^Head\n+One two\.\n+ \* item$/) });
  });

  it('is decoded as it says', async () => {
    const koi8 = Buffer.from([0xf0, 0xd2, 0xc9, 0xd7, 0xc5, 0xd4]); // Привет
    const page = Buffer.concat([Buffer.from('<meta charset="koi8-r"><p>'), koi8]);
    const wrong = Buffer.from('<meta charset="x-none"><p>text');
    const both = [
      work.write('a.html', page),
      work.write('b.htm', wrong),
      work.write('c.html', Buffer.from('<p>Zürich', 'latin1')),
    ];
    expect(short(await readAll(both))).toEqual([': Привет', "!: its encoding 'x-none' is not known", ': Zürich']);
  });

  it('nested past all reason is refused, and does not end the process', async () => {
    const deep = work.write('a.html', `${'<div>'.repeat(500_000)}text`);
    const unclosed = work.write('b.html', `${'<p>text<ul>'.repeat(300_000)}`);
    const found = short(await readAll([deep, unclosed]));
    expect(found).toEqual([
      '!: tags nested 500000 deep, the limit is 1000',
      '!: tags nested 300000 deep, the limit is 1000',
    ]);
  });
});

describe('PDF', () => {
  it('is read page by page, and a page without text is named', async () => {
    const path = work.write('a.pdf', tinyPdf(['Page one\nsecond line', '', 'Page (three)']));
    const found = await readAll([path]);
    expect(short(found)).toEqual(['1: Page one\nsecond line', '3: Page (three)', '!2: a page without text']);
    expect(found[0]).toMatchObject({ metadata: { page: 1 }, isRow: false });
  });

  it('that cannot be read is refused by name with why', async () => {
    const whole = tinyPdf(['text']);
    const paths = [
      work.write('encrypted.pdf', tinyPdf(['secret'], { password: 'open' })),
      work.write('scan.pdf', tinyPdf(['', ''])),
      work.write('noise.pdf', Buffer.from('this is no PDF at all')),
      work.write('cut.pdf', whole.subarray(0, 60)),
      work.write('empty.pdf', ''),
      work.write('fine.pdf', whole),
    ];
    expect(short(await readAll(paths))).toEqual([
      '!: encrypted: it opens with a password only',
      '!: has no text layer (2 pages): a scan needs text recognition first',
      expect.stringMatching(/^!: a damaged PDF: /),
      expect.stringMatching(/^!: a damaged PDF: /),
      expect.stringMatching(/^!: (empty|a damaged PDF)/),
      '1: text',
    ]);
  });

  it('that takes too long is given up, and the next one is read', async () => {
    const loop = `q ${'1 0 0 1 0 0 cm '.repeat(10)} `;
    const path = work.write('slow.pdf', tinyPdf([`${'x'.repeat(10)}`, loop]));
    const pdfs = pdfReader(0);
    const input = { source: 'slow.pdf', real: path, size: 1, named: true };
    const reading = { stdin: (async function* () {})(), onBytes: () => {} };
    await expect(Array.fromAsync(pdfs.read(input, reading))).rejects.toThrow(/takes more than 0 s/);
    await pdfs.close();
    expect(short(await readAll([path]))).toHaveLength(2);
  });
});

describe('stdin', () => {
  it('is JSONL where its first line says so, else text, else what it is said to be', async () => {
    expect(short(await readAll(['-'], {}, ['{"text":"o', 'ne"}\n{"text":"two"}\n']))).toEqual(['1: one', '2: two']);
    expect(short(await readAll(['-'], {}, ['{"a":1}\n', 'more']))).toEqual([': {"a":1}\nmore']);
    expect(short(await readAll(['-'], { as: 'csv' }, ['text\n', 'one\n']))).toEqual(['2: one']);
    expect(short(await readAll(['-'], {}, []))).toEqual(['!: empty']);
  });
});

describe('files', () => {
  it('are named by their directory, ignored as git ignores them, and told where they are no text', async () => {
    work.write('docs/.gitignore', '*.log\nbuild/\n!keep.log\n');
    work.write('docs/a.md', 'a');
    work.write('docs/b.log', 'b');
    work.write('docs/keep.log', 'kept');
    work.write('docs/build/c.md', 'c');
    work.write('docs/.hidden', 'h');
    work.write('docs/node_modules/x/readme.md', 'n');
    work.write('docs/picture.png', Buffer.from([0x89, 0x50, 0, 0, 1]));
    symlinkSync('.', work.path('docs/loop'));
    const { inputs, notes, ignored } = await inputsOf({ paths: [work.path('docs')], ignoreFiles: true });
    expect(inputs.map(({ source }) => source)).toEqual(['docs/a.md', 'docs/keep.log', 'docs/picture.png']);
    expect(notes.map(({ type, place, reason }) => [type, place.source, reason])).toEqual([
      ['passed', 'docs/loop', 'a linked directory'],
    ]);
    expect(ignored).toBe(2);
    expect((await inputsOf({ paths: [work.path('docs')], ignoreFiles: false })).inputs).toHaveLength(5);
    expect(short(await readAll([work.path('docs')]))).toEqual([': a', ': kept', '!: binary']);
  });

  it('with names that are not UTF-8 are told, and a FIFO does not hang', async () => {
    work.write('docs/a.md', 'a');
    execFileSync('sh', ['-c', `printf x > "$(printf 'bad\\377.md')" && mkfifo pipe`], { cwd: work.path('docs') });
    const { inputs, notes } = await inputsOf({ paths: [work.path('docs')], ignoreFiles: true });
    expect(inputs).toHaveLength(1);
    expect(notes.map(({ type, reason }) => [type, reason])).toEqual([
      ['refused', 'a name that is not UTF-8'],
      ['passed', 'neither a file nor a directory'],
    ]);
    await expect(inputsOf({ paths: [work.path('docs/pipe')], ignoreFiles: true })).rejects.toThrow(/pipe it into '-'/);
  });

  it('that change while they are read are refused', async () => {
    const path = work.write('a.jsonl', `{"text":"${'x'.repeat(400_000)}"}\n`);
    const bytes = bytesOf(
      { source: 'a.jsonl', real: path, named: true },
      { stdin: (async function* () {})(), onBytes: () => {} },
    );
    await bytes.next();
    appendFileSync(path, '{"text":"more"}\n');
    await expect(Array.fromAsync(bytes)).rejects.toThrow('changed while it was read');
  });

  it('of one name, or with one name for several, are a mistake of the command line', async () => {
    work.write('a/docs/x.md', 'x');
    work.write('b/docs/y.md', 'y');
    const both = [work.path('a/docs'), work.path('b/docs')];
    await expect(inputsOf({ paths: both, ignoreFiles: true })).rejects.toThrow("two inputs are called 'docs'");
    await expect(inputsOf({ paths: both, name: 'n', ignoreFiles: true })).rejects.toThrow('--name names one input');
    await expect(inputsOf({ paths: [work.path('none')], ignoreFiles: true })).rejects.toThrow(/none cannot be read/);
    const { inputs, covers } = await inputsOf({ paths: [both[0] ?? ''], name: 'n', ignoreFiles: true });
    expect(inputs[0]?.source).toBe('n/x.md');
    expect([covers('n/gone.md'), covers('nn/x.md'), covers('n')]).toEqual([true, false, false]);
  });
});
