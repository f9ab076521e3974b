// What doctor finds: one line each, with what to do where something is wrong.

export type Level = 'ok' | 'warn' | 'fail' | 'skip';

export interface Finding {
  /** What was looked at, for programs: `node`, `edge-ready`, … */
  readonly check: string;
  readonly level: Level;
  readonly what: string;
  readonly why?: string;
  readonly todo?: string;
}

/** What is looked at, and what for. */
export interface Patient {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Directories of the model, the embedder and the state. */
  readonly model: string;
  readonly embedder: string;
  readonly state: string;
  /** URL of the edge, and the key for it with where it is from. */
  readonly server: string;
  readonly key: { readonly key: string; readonly from: string } | undefined;
  /** URL of a gateway; undefined where none was named. */
  readonly gateway: string | undefined;
  /** Whether that edge was asked for, and not only the default. */
  readonly isNamed: boolean;
  readonly cloudflare: boolean;
  readonly signal: AbortSignal;
}

export type Check = (patient: Patient) => Promise<readonly Finding[]>;

export const ok = (check: string, what: string): Finding => ({ check, level: 'ok', what });
export const skip = (check: string, what: string, why: string): Finding => ({ check, level: 'skip', what, why });
const wrong =
  (level: 'warn' | 'fail') =>
  (check: string, what: string, why: string, todo: string): Finding => ({ check, level, what, why, todo });
export const warn = wrong('warn');
export const fail = wrong('fail');

/** `fail  what — why — what to do` */
export const lineOf = ({ level, what, why, todo }: Finding): string =>
  [`${level.padEnd(4)}  ${what}`, why, todo].filter((part) => part !== undefined).join(' — ');
