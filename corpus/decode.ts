// Bytes of a file as text, or why they are none. A byte order mark decides; without one strict UTF-8; and what is not
// UTF-8 but still looks like Western text is Windows-1252, which Latin-1 is a part of. Never replaces a character.
// Trade-off: other old encodings (Shift_JIS, KOI8-R, UTF-16 without a mark) are refused, because guessing among them errs.

export type Encoding = 'UTF-8' | 'UTF-16LE' | 'UTF-16BE' | 'Windows-1252';
export type Decoded =
  | { readonly text: string; readonly encoding: Encoding }
  | { readonly refused: 'empty' | 'binary' | 'UTF-32' | 'damaged UTF-8' | 'damaged UTF-16' | 'an unknown encoding' };

/** Share of control characters above which bytes are no text: random bytes have 12 %, a log with colours under 1 %. */
const MOST_CONTROLS = 0.01;
/** Share of bytes over 127 above which Windows-1252 is not believed: French has under 10 %, Russian in KOI8-R over 60 %. */
const MOST_HIGH = 0.3;

const strict = (encoding: string, bytes: Uint8Array): string | undefined => {
  try {
    // the mark is no part of the text, and TextDecoder leaves it out
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

const begins = (bytes: Uint8Array, ...mark: number[]): boolean => mark.every((byte, i) => bytes[i] === byte);

/** Tab, line ends, form feed, backspace and escape stand in text files; the rest of C0, DEL and C1 do not. */
const isControl = (code: number): boolean =>
  (code < 0x20 && !(code >= 0x08 && code <= 0x0d) && code !== 0x1b) || (code >= 0x7f && code <= 0x9f);

const looksBinary = (text: string): boolean => {
  let controls = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0) return true;
    if (isControl(code)) controls += 1;
  }
  return controls > MOST_CONTROLS * text.length;
};

/** Whether most of what is over 127 are whole UTF-8 sequences: then the file is UTF-8 with some bytes broken. */
const isMostlyUtf8 = (bytes: Uint8Array): boolean => {
  let whole = 0;
  let broken = 0;
  for (let i = 0; i < bytes.length; i++) {
    const lead = bytes[i] as number;
    if (lead < 0x80) continue;
    const more =
      lead >= 0xf0 && lead < 0xf5 ? 3 : lead >= 0xe0 && lead < 0xf0 ? 2 : lead >= 0xc2 && lead < 0xe0 ? 1 : 0;
    let follow = 0;
    while (follow < more && ((bytes[i + 1 + follow] ?? 0) & 0xc0) === 0x80) follow += 1;
    if (more > 0 && follow === more) whole += 1;
    else broken += 1;
    i += follow;
  }
  return whole > broken;
};

const accepted = (text: string, encoding: Encoding): Decoded => {
  if (text.trim() === '') return { refused: 'empty' };
  return looksBinary(text) ? { refused: 'binary' } : { text, encoding };
};

export const decodeText = (bytes: Uint8Array): Decoded => {
  if (begins(bytes, 0xff, 0xfe, 0, 0) || begins(bytes, 0, 0, 0xfe, 0xff)) return { refused: 'UTF-32' };
  for (const [encoding, ...mark] of [
    ['UTF-16LE', 0xff, 0xfe],
    ['UTF-16BE', 0xfe, 0xff],
  ] as const) {
    if (!begins(bytes, ...mark)) continue;
    const text = strict(encoding, bytes);
    return text === undefined ? { refused: 'damaged UTF-16' } : accepted(text, encoding);
  }
  if (bytes.includes(0)) return { refused: 'binary' };
  const utf8 = strict('UTF-8', bytes);
  if (utf8 !== undefined) return accepted(utf8, 'UTF-8');
  const high = bytes.reduce((sum, byte) => sum + (byte >> 7), 0);
  const text = new TextDecoder('windows-1252').decode(bytes);
  if (looksBinary(text)) return { refused: 'binary' };
  if (begins(bytes, 0xef, 0xbb, 0xbf) || isMostlyUtf8(bytes)) return { refused: 'damaged UTF-8' };
  return high > MOST_HIGH * bytes.length ? { refused: 'an unknown encoding' } : accepted(text, 'Windows-1252');
};
