// docs/reference/errors.md: every code with its status, what it means and what to do, from wire/faults.ts and fault-guide.ts.
import { FAULT_GUIDE } from '../../wire/fault-guide.ts';
import { codeOf, type Fault, statusOf } from '../../wire/faults.ts';
import { table, written } from './cell.ts';

const kinds = Object.keys(FAULT_GUIDE) as Fault['kind'][]; // a record of all of them

const byStatus = (): Map<number, Fault['kind'][]> =>
  new Map([...Map.groupBy(kinds, statusOf)].sort(([one], [other]) => one - other));

export const errorsPage = (): string => {
  const rows = [...byStatus()].flatMap(([status, of]) =>
    of.map((kind) => [`\`${codeOf(kind)}\``, String(status), FAULT_GUIDE[kind].means, FAULT_GUIDE[kind].todo]),
  );
  return `${[
    '# Errors',
    written('wire/faults.ts and wire/fault-guide.ts'),
    'An error is always this, with a status that says the same:',
    '```json\n{"error":{"message":"n: is 500, the limit is 200","type":"invalid_request_error","code":"bad_field","param":"n"}}\n```',
    '`message` is for people and names the value and the limit; `code` is for programs. The type is `invalid_request_error`, `authentication_error` (401), `permission_error` (403), `rate_limit_error` or `insufficient_quota` (429), or `server_error` (500 and above). An error that ends a stream which had begun is an event of the same shape.',
    '**Try again** where there is a header `Retry-After`, after so many seconds, and after a 502 or 504 if the work may be done twice. Never where `x-should-retry` is `false`: steps were made, or nothing would change. A 408 is never sent. Which route answers with which code is in [the table of routes](api.md).',
    table(['code', 'status', 'it means', 'what to do'], rows),
  ].join('\n\n')}\n`;
};
