// A web page as text: what a reader reads, without scripts, styles, navigation and addresses of links. Its encoding is what
// its bytes or its own <meta> say. Deeper nesting than any real page has is not read, and that is told.
import { convert } from 'html-to-text';
import { decodeText } from '../../corpus/decode.ts';
import { MAX_HTML_CHARACTERS, MAX_HTML_DEPTH } from '../../wire/limits.ts';
import { ReadError } from './open.ts';

/** Bytes of a page in which browsers look for its encoding. */
const LOOKED_AT = 1_024;
const SKIPPED = [
  'script',
  'style',
  'noscript',
  'template',
  'nav',
  'img',
  'svg',
  'button',
  'select',
  'iframe',
  'footer',
];

const charsetOf = (bytes: Uint8Array): string | undefined => {
  const head = Buffer.from(bytes.subarray(0, LOOKED_AT)).toString('latin1');
  return (/<meta[^>]+charset\s*=\s*["']?\s*([\w:-]+)/i.exec(head) ??
    /<\?xml[^>]+encoding=["']([\w:-]+)/i.exec(head))?.[1];
};

const decodedAs = (bytes: Uint8Array, charset: string): string => {
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(charset, { fatal: true });
  } catch {
    throw new ReadError(`its encoding '${charset}' is not known`);
  }
  try {
    return decoder.decode(bytes);
  } catch {
    throw new ReadError(`not ${charset}, which it says to be`);
  }
};

const markupOf = (bytes: Uint8Array): string => {
  const charset = charsetOf(bytes);
  const hasMark = (bytes[0] === 0xef && bytes[1] === 0xbb) || (bytes[0] ?? 0) >= 0xfe;
  // a page that is read here as single bytes and says UTF-16 is wrong about itself, as browsers know
  if (charset !== undefined && !hasMark && !/^utf-?(8|16)/i.test(charset)) return decodedAs(bytes, charset);
  const read = decodeText(bytes);
  if ('refused' in read) throw new ReadError(read.refused);
  return read.text;
};

const heading = { format: 'heading', options: { uppercase: false } };

/** The deepest nesting of tags, counted without a tree; an unclosed <p> or <li> counts a level less than it may. */
export const depthOf = (markup: string): number => {
  let depth = 0;
  let deepest = 0;
  for (const [tag, closes, name = ''] of markup.matchAll(/<(\/?)([a-z][a-z0-9-]*)(?:\s[^<>]*)?>/gi)) {
    if (/^(p|li|td|tr|th|dt|dd|br|hr|img|input|meta|link|option|col|area|base|source|wbr)$/i.test(name)) continue;
    if (closes === '/') depth = Math.max(0, depth - 1);
    else if (!tag.endsWith('/>')) deepest = Math.max(deepest, ++depth);
  }
  return deepest;
};

export const textOfHtml = (bytes: Uint8Array): string => {
  const markup = markupOf(bytes);
  if (markup.length > MAX_HTML_CHARACTERS) {
    throw new ReadError(`${markup.length} characters of HTML, the limit is ${MAX_HTML_CHARACTERS}`);
  }
  const depth = depthOf(markup);
  if (depth > MAX_HTML_DEPTH) throw new ReadError(`tags nested ${depth} deep, the limit is ${MAX_HTML_DEPTH}`);
  const text = convert(markup, {
    wordwrap: false,
    limits: { maxInputLength: MAX_HTML_CHARACTERS + 1 },
    selectors: [
      ...SKIPPED.map((selector) => ({ selector, format: 'skip' })),
      { selector: 'a', options: { ignoreHref: true } },
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, ...heading })),
    ],
  });
  if (text.trim() === '') throw new ReadError('a page without text');
  return text;
};
