// The limits of a key as they are typed: WHAT=N, and PERIOD.WHAT=N.
import { UsageError } from '../../wire/usage.ts';

const amountOf = (option: string, text: string): [what: string, amount: number] => {
  const [, what, amount] = /^([a-z._]+)=(\d+)$/.exec(text) ?? [];
  if (what === undefined) throw new UsageError(`--${option} is '${text}', it must be WHAT=N`);
  return [what, Number(amount)];
};

export const ratesOf = (texts: readonly string[]): Record<string, number> =>
  Object.fromEntries(
    texts.map((text) => {
      const [what, amount] = amountOf('rate', text);
      return [`${what}_per_minute`, amount];
    }),
  );

export const budgetsOf = (texts: readonly string[]): Record<string, Record<string, number>> => {
  const budgets: Record<string, Record<string, number>> = {};
  for (const text of texts) {
    const [path, amount] = amountOf('budget', text);
    const [period = '', what = ''] = path.split('.');
    if (what === '') throw new UsageError(`--budget is '${text}', it must be PERIOD.WHAT=N, such as day.requests=1000`);
    budgets[period] = { ...budgets[period], [what]: amount };
  }
  return budgets;
};
