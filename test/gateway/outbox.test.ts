import { expect, it } from 'vitest';
import { outbox } from '../../gateway/routes/outbox.ts';
import { STREAM_PENDING_CHARACTERS } from '../../wire/limits.ts';

/** A writer that is held up until it is told to go on. */
const slow = () => {
  const written: string[] = [];
  let go = (): void => {};
  const write = (text: string): Promise<void> =>
    new Promise((resolve) => {
      written.push(text);
      go = resolve;
    });
  return { written, write, go: () => go() };
};
const isPending = async (work: Promise<void>): Promise<boolean> => {
  const later = new Promise<'later'>((resolve) => setTimeout(() => resolve('later'), 20));
  return (await Promise.race([work, later])) === 'later';
};

it('writes what comes at once in one go, in order', async () => {
  const written: string[] = [];
  const out = outbox(async (text) => void written.push(text));
  for (const text of ['a', 'b', 'c']) await out.add(text);
  expect(written).toEqual([]);
  await out.all();
  expect(written).toEqual(['abc']);
});

it('writes one that comes alone by itself, though nobody waits for it', async () => {
  const written: string[] = [];
  const out = outbox(async (text) => void written.push(text));
  void out.add('a');
  await new Promise((resolve) => setImmediate(resolve));
  void out.add('b');
  await new Promise((resolve) => setImmediate(resolve));
  expect(written).toEqual(['a', 'b']);
});

it('lets the work go on while there is room, and then makes it wait for the reader', async () => {
  const { written, write, go } = slow();
  const out = outbox(write);
  await out.add('first');
  await new Promise((resolve) => setImmediate(resolve));
  expect(written).toEqual(['first']); // and held up there
  await out.add('x'.repeat(STREAM_PENDING_CHARACTERS));
  const beyond = out.add('y');
  expect(await isPending(beyond)).toBe(true);
  go();
  await expect.poll(() => written.length).toBe(2);
  go();
  await beyond;
  await out.all();
});

it('tells a write that failed to whoever adds next, and to who waits for all', async () => {
  const out = outbox(() => Promise.reject(new Error('gone')));
  await out.add('a');
  await expect(out.all()).rejects.toThrow('gone');
  await expect(out.add('b')).rejects.toThrow('gone');
  await expect(out.all()).rejects.toThrow('gone');
});
