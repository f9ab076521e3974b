// Bytes in a tokenizer's text: GPT-2's alphabet, which writes every byte as a visible character, and UTF-8 that arrives a
// byte at a time. A sequence that can no longer become a character is U+FFFD at once; what is held is at most 3 bytes.

const utf8 = new TextEncoder();
const whole = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
export const utf8Bytes = (text: string): Uint8Array => utf8.encode(text);

const characterOf: string[] = [];
const byteOf = new Map<string, number>();
for (let byte = 0, next = 256; byte < 256; byte++) {
  const visible = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  const character = String.fromCharCode(visible ? byte : next++);
  characterOf.push(character);
  byteOf.set(character, byte);
}

/** GPT-2's alphabet: one character for each byte. */
export const byteAlphabet = {
  characters: characterOf as readonly string[],
  encode(text: string): string {
    let ascii = '';
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return Array.from(utf8Bytes(text), (byte) => characterOf[byte]).join('');
      ascii += characterOf[code];
    }
    return ascii;
  },
  /** The bytes of a token; undefined where a character is not of the alphabet. */
  decode(token: string): Uint8Array | undefined {
    const bytes = new Uint8Array(token.length);
    for (let i = 0; i < token.length; i++) {
      const byte = byteOf.get(token.charAt(i));
      if (byte === undefined) return undefined;
      bytes[i] = byte;
    }
    return bytes;
  },
};

export interface Utf8Stream {
  /** The text that these bytes make final. */
  push(bytes: Uint8Array): string;
  /** What an open sequence is when nothing follows. */
  end(): string;
}

/** Bytes of the sequence that a first byte begins; 0 where none does. */
const sequenceLength = (lead: number): number => {
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
};
/** Whether `byte` may be the second byte after `lead`: no overlong form, no surrogate, nothing over U+10FFFF. */
const maySecond = (lead: number, byte: number): boolean => {
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  return byte >= least && byte <= most;
};

/**
 * UTF-8 with U+FFFD for what is none. A broken sequence is one U+FFFD, as in Rust's and the Web's lossy decoders; with
 * `eachByte` one for each of its bytes, as tokenizers' ByteFallback has it.
 */
export const utf8Stream = (eachByte: boolean): Utf8Stream => {
  let open: number[] = [];
  const broken = (): string => {
    const text = '\uFFFD'.repeat(eachByte ? open.length : Math.min(1, open.length));
    open = [];
    return text;
  };
  return {
    push(bytes) {
      let text = '';
      let plain: number[] = []; // whole characters, decoded together
      const flush = (): void => {
        if (plain.length > 0) text += whole.decode(Uint8Array.from(plain));
        plain = [];
      };
      for (const byte of bytes) {
        const [lead] = open;
        if (lead !== undefined) {
          const fits = open.length === 1 ? maySecond(lead, byte) : byte >= 0x80 && byte <= 0xbf;
          if (fits) {
            open.push(byte);
            if (open.length === sequenceLength(lead)) {
              plain.push(...open);
              open = [];
            }
            continue;
          }
          flush();
          text += broken();
        }
        const length = sequenceLength(byte);
        if (length === 1) plain.push(byte);
        else if (length > 1) open = [byte];
        else {
          flush();
          text += '\uFFFD';
        }
      }
      flush();
      return text;
    },
    end: broken,
  };
};
