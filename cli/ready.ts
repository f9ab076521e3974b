// What GET /ready tells, of an edge and of a gateway: a word for each piece, and of several gateways one for each by its name.
// doctor and the check of a deployment read it here.
import * as z from 'zod';

const answer = z.object({
  checks: z.object({ gateways: z.record(z.string(), z.string()).optional() }).catchall(z.string()),
});

export interface Readiness {
  readonly pieces: Readonly<Record<string, string>>;
  /** Empty but where there are several. */
  readonly gateways: Readonly<Record<string, string>>;
}

/** Undefined where it is no answer of ours. */
export const readinessOf = (json: unknown): Readiness | undefined => {
  const parsed = answer.safeParse(json);
  if (!parsed.success) return undefined;
  const { gateways = {}, ...pieces } = parsed.data.checks;
  return { pieces: pieces as Readonly<Record<string, string>>, gateways };
};

const isWell = (state: string): boolean => state === 'ok' || state === 'none';

/** What is not well, in words; empty where all is. */
export const notReady = ({ pieces, gateways }: Readiness): string =>
  [...Object.entries(pieces), ...Object.entries(gateways).map(([name, state]) => [`gateway ${name}`, state] as const)]
    .filter(([, state]) => !isWell(state))
    .map(([name, state]) => `${name}: ${state}`)
    .join(', ');
