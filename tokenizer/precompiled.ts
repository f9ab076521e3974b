// The normalizer Precompiled: SentencePiece's map of characters, a double-array trie over UTF-8 and the texts that it leads
// to. As tokenizers 0.22 applies it, which is not as SentencePiece does: a cluster of fewer than six bytes is looked up
// whole and replaced by its shortest entry, even where that covers its beginning only; any other a character at a time.
import { utf8Bytes } from './bytes.ts';

type Normalize = (text: string) => string;

const BAD = "the normalizer Precompiled: its precompiled_charsmap is not SentencePiece's";
/** Clusters of at least so many bytes are taken apart. */
const WHOLE_BYTES = 6;
/** Replacements remembered: a text's characters repeat. */
const MOST_REMEMBERED = 16_384;
const PLAIN = /^[ -~]*$/;

const bytesOf = (base64: string): Uint8Array => {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    throw new Error(BAD);
  }
};

/** What a piece of text becomes; undefined where the map says nothing. */
const lookUp = (base64: string): ((piece: string) => string | undefined) => {
  const bytes = bytesOf(base64);
  const view = new DataView(bytes.buffer);
  const size = bytes.length < 4 ? Number.NaN : view.getUint32(0, true);
  if (!(size % 4 === 0 && size > 0 && 4 + size <= bytes.length)) throw new Error(BAD);
  const units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const texts = bytes.subarray(4 + size);
  const utf8 = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
  const unit = (place: number): number => {
    const value = units[place];
    if (value === undefined) throw new Error(BAD);
    return value;
  };
  const offset = (of: number): number => (of >>> 10) << ((of & 0x200) >>> 6);
  return (piece) => {
    let place = offset(unit(0));
    for (const byte of utf8Bytes(piece)) {
      if (byte === 0) return undefined;
      place ^= byte;
      const here = unit(place);
      if ((here & 0x800000ff) >>> 0 !== byte) return undefined;
      place ^= offset(here);
      if (((here >>> 8) & 1) === 1) {
        const from = unit(place) & 0x7fffffff;
        const end = texts.indexOf(0, from);
        return utf8.decode(texts.subarray(from, end < 0 ? texts.length : end));
      }
    }
    return undefined;
  };
};

export const precompiled = (base64: string): Normalize => {
  const mapped = lookUp(base64);
  const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' });
  const remembered = new Map<string, string>();
  const changed = (cluster: string): string => {
    const before = remembered.get(cluster);
    if (before !== undefined) return before;
    const whole = utf8Bytes(cluster).length < WHOLE_BYTES ? mapped(cluster) : undefined;
    const after = whole ?? Array.from(cluster, (character) => mapped(character) ?? character).join('');
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    remembered.set(cluster, after);
    return after;
  };
  const printable = String.fromCharCode(...Array.from({ length: 95 }, (_, i) => 32 + i));
  const keepsPlain = Array.from(printable, changed).join('') === printable;
  return (text) => {
    if (keepsPlain && PLAIN.test(text)) return text;
    let out = '';
    for (const { segment } of clusters.segment(text)) out += changed(segment);
    return out;
  };
};
