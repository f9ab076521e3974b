// The gateway, with the GPU servers behind it: whether it is there and ready, its clock, and whether it has the secret that is
// known here. That is asked by a signed request, as the edge signs its own; the secret itself is sent nowhere.
import { secretOf, type Variables } from '../../gateway/secret.ts';
import { MIN_SECRET_CHARACTERS } from '../../wire/limits.ts';
import { messageOf } from '../../wire/message.ts';
import { signRequest } from '../../wire/signature.ts';
import { DEFAULT_GATEWAY, secretOfThisMachine } from '../server.ts';
import { type Answer, ask, notReadyIn } from './answer.ts';
import { clockFinding } from './edge.ts';
import { type Check, type Finding, fail, ok, skip, warn } from './finding.ts';

/** A secret that says what it is for, or repeats a letter, was made by no generator. */
const WEAK = /^(.)\1*$|secret|password|change|default|example|test|1234/i;

export const secretFindings = (name: string, secret: string | undefined): Finding[] => {
  const check = name.toLowerCase().replaceAll('_', '-');
  if (secret === undefined || secret === '') return [skip(check, name, 'it is not in this environment')];
  const make = 'make one: openssl rand -hex 32';
  if (secret.length < MIN_SECRET_CHARACTERS) {
    return [fail(check, `${name} has ${secret.length} characters`, `${MIN_SECRET_CHARACTERS} is the least`, make)];
  }
  if (WEAK.test(secret)) return [warn(check, `${name} looks like a word of an example`, 'it may be guessed', make)];
  return [ok(check, `${name} has ${secret.length} characters`)];
};

const sameSecret = async (gateway: string, secret: string, signal: AbortSignal): Promise<Finding> => {
  const target = { method: 'GET', path: `${new URL(gateway).pathname.replace(/\/+$/, '')}/v1/models` };
  const { header } = await signRequest(secret, { ...target, body: new Uint8Array(0) }, Date.now());
  const answer = await ask(`${gateway}/v1/models`, { headers: { 'sift-signature': header }, signal });
  if (typeof answer === 'string') return skip('same-secret', 'the secret of the gateway', answer);
  if (answer.status === 200) return ok('same-secret', 'the gateway has the GATEWAY_SECRET that is known here');
  const why = (answer.json as { error?: { message?: string } } | undefined)?.error?.message ?? `${answer.status}`;
  return fail(
    'same-secret',
    'the gateway refuses what is signed with the GATEWAY_SECRET that is known here',
    why,
    'give edge and gateway the same',
  );
};

const readyFinding = (gateway: string, answer: Answer): Finding => {
  const missing = notReadyIn(answer);
  if (missing === undefined) {
    return fail(
      'gateway-ready',
      `${gateway}/ready answers ${answer.status}`,
      'that is no answer of a gateway',
      'look at --gateway',
    );
  }
  if (answer.status !== 200)
    return fail('gateway-ready', `${gateway} is not ready`, missing, 'look at its log, and at its backends');
  if (missing !== '')
    return warn('gateway-ready', `${gateway} is ready in part`, missing, 'look at these backends (docs/backends.md)');
  return ok('gateway-ready', `${gateway} is ready, with its backends`);
};

/** The secret as the gateway itself would read it, from the variable or a file; or what is wrong with that. */
const broughtSecret = async (env: Variables): Promise<string | Finding | undefined> => {
  try {
    return await secretOf('GATEWAY_SECRET', env);
  } catch (error) {
    return fail('gateway-secret', 'GATEWAY_SECRET', messageOf(error), 'give a file that can be read, or the variable');
  }
};

export const gatewayCheck: Check = async ({ env, gateway: given, signal }) => {
  const brought = await broughtSecret(env);
  const found = typeof brought === 'object' ? [brought] : secretFindings('GATEWAY_SECRET', brought);
  const secrets = [...found, ...secretFindings('API_KEY', env.API_KEY)];
  if (given === undefined)
    return [skip('gateway-ready', 'the gateway', 'none was named: --gateway URL, or GATEWAY_URL'), ...secrets];
  const gateway = given.replace(/\/+$/, '');
  const answer = await ask(`${gateway}/ready`, { signal });
  if (typeof answer === 'string') {
    const finding = fail(
      'gateway-ready',
      'the gateway cannot be reached',
      `${gateway}: ${answer}`,
      'start it (npm run gateway), or open the way to it',
    );
    return [finding, ...secrets];
  }
  // of a gateway elsewhere this machine's own secret says nothing
  const known = typeof brought === 'string' ? brought : undefined;
  const secret = known ?? (gateway === DEFAULT_GATEWAY ? secretOfThisMachine(env)?.gatewaySecret : undefined);
  return [
    readyFinding(gateway, answer),
    clockFinding('gateway-clock', 'the gateway', answer.aheadS),
    ...secrets,
    secret === undefined
      ? skip('same-secret', 'the secret of the gateway', 'GATEWAY_SECRET is not in this environment')
      : await sameSecret(gateway, secret, signal),
  ];
};
