// Whether a caller asks for an answer line by line.

export const NDJSON = 'application/x-ndjson';

/** Of an Accept header. Whoever takes anything gets one JSON document; `q=0` refuses lines. */
export const wantsLines = (accept: string | null | undefined): boolean =>
  (accept ?? '').split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return type === NDJSON && !parameters.some((one) => /^q=0(\.0*)?$/.test(one));
  });
