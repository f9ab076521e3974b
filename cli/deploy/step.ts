// Around each step: what it failed at, in words that say the step, Cloudflare's own code and message, and what to do.
import { CommandError, EXIT } from '../exit.ts';
import { CloudflareError } from './api.ts';

/** What a step touches, and the permission that a token needs for it. */
const PERMISSIONS = {
  account: 'Account Settings: Read',
  worker: 'Workers Scripts: Edit',
  index: 'Vectorize: Edit',
  bucket: 'Workers R2 Storage: Edit',
  namespaces: 'Workers KV Storage: Edit',
} as const;
export type Part = keyof typeof PERMISSIONS;

/** What to do about an answer that Cloudflare gives for a reason of the account's. */
const ADVICE: Readonly<Record<number, string>> = {
  10042:
    'R2 has to be switched on once in the dashboard (R2 Object Storage, which asks for a way to pay), then run this again',
  10027:
    'The Worker with the bundled embedder is larger than the plan of this account takes: the paid plan takes it, or deploy with --embedder workers-ai',
  100328:
    'The free plan has no processor time for the bundled embedder: the paid plan has, or deploy with --embedder workers-ai',
};

export const adviceOn = (exit: number, codes: readonly number[], part: Part): string => {
  const known = codes.map((code) => ADVICE[code]).find((advice) => advice !== undefined);
  if (known !== undefined) return known;
  if (exit === EXIT.auth) {
    return `The token is not valid, or lacks the permission “${PERMISSIONS[part]}” (https://dash.cloudflare.com/profile/api-tokens)`;
  }
  return exit === EXIT.tryAgain
    ? 'Run this again in a while: it goes on where it stopped'
    : 'Run this again once that is mended';
};

/** Runs a step; a refusal of Cloudflare's names it. */
export const step = async <T>(title: string, part: Part, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudflareError)) throw error;
    const { message, exit, codes } = error;
    throw new CommandError(
      `step '${title}' failed. ${message.replace(/\.+$/, '')}. ${adviceOn(exit, codes, part)}`,
      exit,
      error,
    );
  }
};
