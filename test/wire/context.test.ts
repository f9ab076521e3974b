// Templates of examples in the context: what is refused, and that what stands in a text is never read as a template.
import { describe, expect, it } from 'vitest';
import { completionRequest } from '../../wire/api/completions.ts';
import { scoreRequest } from '../../wire/api/score.ts';
import { type Layout, layout, writtenExample, writtenPrompt } from '../../wire/context.ts';
import { inWords } from '../../wire/words.ts';

const layoutOf = (changes: object = {}): Layout => layout.parse(changes);
const written = (changes: object, examples: { text: string; source?: string }[], prompt: string): string => {
  const how = layoutOf(changes);
  return writtenPrompt(
    how,
    examples.map((example) => writtenExample(how, example)),
    prompt,
  );
};

describe('examples before a prompt', () => {
  it('are a plain continuation unless told otherwise: blank lines between, then the prompt', () => {
    expect(written({}, [{ text: 'One.' }, { text: 'Two.' }], 'Three')).toBe('One.\n\nTwo.\n\nThree');
  });

  it('follow the caller’s templates and separator', () => {
    const changes = {
      template: 'Notes:\n{examples}\n---\nQ: {prompt}\nA:',
      example_template: '[{source}] {text}',
      separator: '\n',
    };
    const examples = [{ text: 'One.', source: 'a.md' }, { text: 'Two.' }];
    expect(written(changes, examples, 'Why?')).toBe('Notes:\n[a.md] One.\n[] Two.\n---\nQ: Why?\nA:');
    expect(written({ example_template: '{text} ({source})' }, [{ text: 'One.', source: 's' }], 'x')).toBe(
      'One. (s)\n\nx',
    );
  });

  it('leave the prompt as it is where there are none', () => {
    expect(written({ template: 'Notes: {examples}\nQ: {prompt}' }, [], 'Why?')).toBe('Why?');
  });

  it('and the prompt are data: braces, dollar signs and placeholders in them mean nothing', () => {
    const odd = '{prompt} {examples} {text} {source} {{}} $& $1 $` \\n';
    expect(written({}, [{ text: odd, source: odd }, { text: odd }], odd)).toBe(`${odd}\n\n${odd}\n\n${odd}`);
    const changes = { template: '{{examples}}{prompt}}', example_template: '{source}{text}' };
    expect(written(changes, [{ text: '{source}', source: '{text}' }], '{examples}')).toBe(
      '{{text}{source}}{examples}}',
    );
  });

  it('keep every character, whatever the script', () => {
    expect(written({ separator: '🌍' }, [{ text: 'Größe' }, { text: '日本' }], 'é')).toBe('Größe🌍日本\n\né');
  });
});

describe('a template that cannot be used', () => {
  it.each([
    [{ template: 'Q: {prompt}' }, 'sift.template', 'has no {examples}'],
    [{ template: '{examples}' }, 'sift.template', 'has no {prompt}'],
    [{ template: '' }, 'sift.template', 'has no {examples}'],
    [{ template: '{examples}{examples}{prompt}' }, 'sift.template', 'has {examples} 2 times, it must be there once'],
    [{ template: '{examples}{prompt}{prompt}{prompt}' }, 'sift.template', 'has {prompt} 3 times'],
    [{ template: '{prompt}{examples}' }, 'sift.template', 'has {prompt} before {examples}'],
    [{ template: 7 }, 'sift.template', 'is 7'],
    [{ template: '{examples}{prompt}\ud800' }, 'sift.template', 'half of a surrogate pair'],
    [{ example_template: '{source}' }, 'sift.example_template', 'has no {text}'],
    [{ example_template: '{text}{text}' }, 'sift.example_template', 'has {text} 2 times'],
    [{ example_template: '{text}{source}{source}' }, 'sift.example_template', 'has {source} 2 times'],
    [{ separator: 1 }, 'sift.separator', 'is 1'],
    [{ use: 'prompt' }, 'sift.use', 'it must be auto or tune or context or both'],
  ])('is refused by name: %j', (fields, param, message) => {
    for (const [schema, body] of [
      [completionRequest, { model: 'm:sift', prompt: 'x', sift: fields }],
      [scoreRequest, { model: 'm', context: 'x', text: 'y', sift: fields }],
    ] as const) {
      const issue = schema.safeParse(body, { error: inWords }).error?.issues[0];
      expect(issue?.path.join('.')).toBe(param);
      expect(issue?.message).toContain(message);
    }
  });
});

describe('where nothing is said', () => {
  it('the use follows the model', () => {
    const parsed = completionRequest.parse({ model: 'm:sift', prompt: 'x' });
    expect(parsed.sift?.use).toBe('auto');
    expect(scoreRequest.parse({ model: 'm', context: 'x', text: 'y', sift: { use: 'both' } }).sift.use).toBe('both');
  });
});
