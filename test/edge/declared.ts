// Every error that a test of the edge is answered with has to be among those that its route declares: the reference, the
// description (/openapi.json) and typed clients are made from that list.
import { EVERY_ROUTE, factsOf, type RouteName, routeNames } from '../../wire/api/routes.ts';
import { codeOf, type Fault } from '../../wire/faults.ts';

/** Said before any route is known. */
const OF_NO_ROUTE = ['not_found', 'wrong_method'];

const patternOf = (name: RouteName): RegExp => new RegExp(`^${name.replace(/\{\w+\}/g, '[^/]+')}$`);
const PATTERNS = routeNames.map((name) => [name, patternOf(name)] as const);

const codesOf = (name: RouteName): readonly string[] =>
  [...EVERY_ROUTE, ...factsOf(name).errors].map((kind: Fault['kind']) => codeOf(kind));

/** The code that the route of this request does not declare; undefined: all is well. */
export const undeclared = (method: string, path: string, code: string): string | undefined => {
  const [name] = PATTERNS.find(([, pattern]) => pattern.test(`${method} ${path}`)) ?? [];
  if (name === undefined || OF_NO_ROUTE.includes(code) || codesOf(name).includes(code)) return undefined;
  return `${name} answered ${code}, which it does not declare (errors in wire/api/routes.ts)`;
};

/** Throws where an answer is an error that its route does not declare. */
export const checkDeclared = async (method: string, path: string, response: Response): Promise<void> => {
  if (response.ok || response.headers.get('content-type')?.includes('application/json') !== true) return;
  const body = await response
    .clone()
    .json()
    .catch(() => undefined);
  const code = (body as { error?: { code?: unknown } } | undefined)?.error?.code;
  const fault = typeof code === 'string' ? undeclared(method, path.replace(/[?#].*$/s, ''), code) : undefined;
  if (fault !== undefined) throw new Error(fault);
};
