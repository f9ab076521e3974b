// What is said of files passed over and examples refused: a line for each reason with a few names, or all of them.
import { MAX_NAMED } from '../wire/limits.ts';

export interface Named {
  readonly name: string;
  readonly reason: string;
}

/** What a terminal obeys, or what turns the order of a line about. JSON escapes only some of it. */
const OBEYED = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const escaped = (one: string): string => {
  const digits = (one.codePointAt(0) ?? 0).toString(16).padStart(4, '0');
  return digits.length > 4 ? `\\u{${digits}}` : `\\u${digits}`;
};

/** A name on one line of a terminal, whatever it holds. */
export const nameOnOneLine = (name: string): string =>
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]/u.test(name) ? JSON.stringify(name).replace(OBEYED, escaped) : name;

/** `what` is singular and plural: "file passed over", "files passed over". The commonest reason comes first. */
export const summary = (named: readonly Named[], what: readonly [string, string], verbose: boolean): string[] => {
  const byReason = Map.groupBy(named, ({ reason }) => reason);
  return [...byReason]
    .sort(([, a], [, b]) => b.length - a.length)
    .flatMap(([reason, those]) => {
      const names = those.map(({ name }) => nameOnOneLine(name));
      const head = `${names.length} ${names.length === 1 ? what[0] : what[1]}: ${reason}`;
      if (verbose) return [head, ...names.map((name) => `    ${name}`)];
      const rest = names.length - MAX_NAMED;
      return [`${head} (${names.slice(0, MAX_NAMED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''})`];
    });
};
