// Documents, prompts and twins: what becomes a prompt, and what stays in the corpus.
import { describe, expect, it } from 'vitest';
import { domainOf } from '../../eval/material/packages.ts';
import { draw, HALF, roundRobin, splitOf, withoutPromptTwins } from '../../eval/material/prompts.ts';
import { isReadable, type Source, withinDomains } from '../../eval/material/sources.ts';
import { LONG_RUN, runsOf, sharesLongRun, withoutTwins } from '../../eval/material/twins.ts';

/** Text of so many words that occur nowhere else. */
const prose = (name: string, words: number): string =>
  Array.from({ length: words }, (_, i) => `${name}${i}${i % 9 === 8 ? '\n' : ' '}`).join('');
const source = (path: string, text: string, domain = 'text'): Source => ({
  domain,
  group: path.split('/')[0] ?? '',
  path,
  text,
});

describe('sources', () => {
  it('have a domain by the kind of file; licences and generated files have none', () => {
    expect(domainOf('hono/README.md')).toBe('markdown');
    expect(domainOf('hono/dist/types/hono.d.ts')).toBe('declarations');
    expect(domainOf('zod/src/v4/core.ts')).toBe('typescript');
    expect(domainOf('zod/v4/core.mjs')).toBe('javascript');
    expect(domainOf('zod/v4/core.d.cts')).toBe('declarations');
    expect(domainOf('zod/package.json')).toBeUndefined();
    expect(domainOf('zod/LICENSE.md')).toBeUndefined();
    expect(domainOf('a/b.min.js')).toBeUndefined();
  });

  it('are not read where text is minified, binary or too short', () => {
    expect(isReadable(prose('w', 200))).toBe(true);
    expect(isReadable('x'.repeat(3_000))).toBe(false);
    expect(isReadable(`${prose('w', 200)}\0`)).toBe(false);
    expect(isReadable('short')).toBe(false);
  });
});

describe('a domain with too much text', () => {
  it('keeps whole packages', () => {
    const documents = Array.from({ length: 40 }, (_, i) => source(`p${i % 10}/${i}.md`, 'x'.repeat(100)));
    const kept = withinDomains([...documents, source('other/a.md', 'y'.repeat(900), 'another')], 1_700);
    const sizes = Map.groupBy(kept, ({ group }) => group);
    expect([...sizes.values()].every((own) => own.length === 4 || own[0]?.domain === 'another')).toBe(true);
    expect(kept.filter(({ domain }) => domain === 'text')).toHaveLength(16);
    expect(sizes.has('other')).toBe(true);
  });
});

describe('twins', () => {
  it('drops the second of two documents that share most of their text, and keeps one that shares a little', () => {
    const first = prose('a', 400);
    const twin = `${first.slice(0, 2_000)}${prose('b', 100)}`;
    const other = `${first.slice(0, 400)}${prose('c', 400)}`;
    const kept = withoutTwins([{ text: first }, { text: twin }, { text: other }]);
    expect(kept.map(({ text }) => text)).toEqual([first, other]);
  });

  it('finds a long run of words in other layout, and not a run that is one word shorter', () => {
    const words = prose('a', LONG_RUN + 1).split(/\s+/);
    const scored = runsOf(words.join(' '), LONG_RUN);
    expect(sharesLongRun(`other text ${words.slice(0, LONG_RUN).join('\n  ')} and more`, scored)).toBe(true);
    expect(sharesLongRun(`other text ${words.slice(0, LONG_RUN - 1).join('\n  ')} and more`, scored)).toBe(false);
  });
});

describe('prompts', () => {
  it('end at the end of a line, and the continuation begins there', () => {
    const text = prose('word', 400);
    const cut = splitOf(source('p/a.md', text));
    expect(cut?.prompt.endsWith('\n')).toBe(true);
    expect(cut?.prompt.length).toBeLessThanOrEqual(HALF);
    expect(text.startsWith(`${cut?.prompt}${cut?.continuation}`)).toBe(true);
    expect(cut?.continuation.length).toBe(HALF);
    expect(splitOf(source('p/b.md', text.slice(0, 2 * HALF - 1)))).toBeUndefined();
  });

  it('are not in the corpus, nor is a twin of one', () => {
    const documents = Array.from({ length: 12 }, (_, i) => source(`p${i}/a.md`, prose(`d${i}x`, 400)));
    const { study, tuning } = draw(documents, { study: 3, tuning: 2, least: 2 });
    expect(study).toHaveLength(3);
    expect(tuning).toHaveLength(2);
    const asked = [...study, ...tuning];
    const [first] = study;
    // the prompt's text inside a longer file, and a short file that is a part of the prompt's document
    const longer = source('other/long.md', `${prose('e', 900)}${first?.document.slice(0, 2 * HALF)}`);
    const part = source('other/part.md', first?.document.slice(1_900, 2_900) ?? '');
    const kept = withoutPromptTwins([...documents, longer, part], asked);
    expect(kept).toHaveLength(12 - 5);
    expect(kept.some(({ path }) => asked.some(({ id }) => id === path))).toBe(false);
    expect(kept).not.toContain(longer);
    expect(kept).not.toContain(part);
  });

  it('are at most a fifth of a domain from one package while other packages have documents', () => {
    const many = Array.from({ length: 60 }, (_, i) => source(`big/${i}.md`, prose(`b${i}x`, 400)));
    const few = Array.from({ length: 40 }, (_, i) => source(`s${i}/a.md`, prose(`s${i}x`, 400)));
    const { study } = draw([...many, ...few], { study: 10, tuning: 0, least: 5 });
    expect(study.filter(({ group }) => group === 'big')).toHaveLength(2);
  });

  it('are drawn in turns over the domains, and asking for more keeps those drawn before', () => {
    const documents = ['a', 'b'].flatMap((domain) =>
      Array.from({ length: 20 }, (_, i) => source(`${domain}${i}/x.md`, prose(`${domain}${i}y`, 400), domain)),
    );
    const few = draw(documents, { study: 2, tuning: 0, least: 2 }).study;
    const more = draw(documents, { study: 8, tuning: 0, least: 2 }).study;
    expect(few.map(({ domain }) => domain)).toEqual(['a', 'b', 'a', 'b']);
    expect(more.slice(0, 4).map(({ id }) => id)).toEqual(few.map(({ id }) => id));
    expect(roundRobin([[1, 3, 4], [2]])).toEqual([1, 2, 3, 4]);
  });
});
