// What the events of all prompts of a request come to: usage over all of them, and how each was tuned. Filled while the
// events pass by.
import type { UsageOnWire } from '../../wire/api/generation.ts';
import type { ContextReport } from '../../wire/context.ts';
import type { Truncation, TuneEvent, Usage } from '../../wire/tune/responses.ts';
import type { Tuned } from '../../wire/tune/steps.ts';

/** How a prompt's steps were made; null where there were none and nothing was found. */
const tuningOf = ({ steps, tuning }: Usage): Tuned | null => (steps === 0 && tuning.adapter === null ? null : tuning);

/** What became of one prompt. */
export class Account {
  usage: Usage | undefined;
  context: ContextReport | undefined;
  truncated: Truncation | undefined;

  see(event: TuneEvent): void {
    if (event.event === 'usage') this.usage = event.usage;
    else if (event.event === 'context') {
      const { examples, dropped, tokens } = event;
      this.context = { examples, dropped, tokens };
    } else if (event.event === 'truncated') {
      const { dropped_tokens, kept_tokens } = event;
      this.truncated = { dropped_tokens, kept_tokens };
    }
  }

  get tuning(): Tuned | null {
    return this.usage === undefined ? null : tuningOf(this.usage);
  }
}

/** Of all prompts together; undefined while one of them has none. */
export const usageOf = (accounts: readonly Account[]): UsageOnWire | undefined => {
  const all = accounts.flatMap(({ usage }) => (usage === undefined ? [] : [usage]));
  if (all.length < accounts.length) return undefined;
  const sum = (of: (usage: Usage) => number): number => all.reduce((total, one) => total + of(one), 0);
  const prompt_tokens = sum((usage) => usage.prompt_tokens);
  const completion_tokens = sum((usage) => usage.completion_tokens);
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: {
      tuning_tokens: sum((usage) => usage.tuning_tokens),
      tuning_steps: sum((usage) => usage.steps),
      tuning: accounts.length === 1 ? (accounts[0]?.tuning ?? null) : null,
    },
  };
};
