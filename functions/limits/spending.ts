// What a request takes, as the gateway's own reports tell: steps that were made, those undone included, and tokens that were
// read and written. A stream that breaks off is charged for the steps that it told of.
import type { ScoreResponse, TuneEvent } from '../../wire/tune/responses.ts';
import type { Spending } from '../auth/spending.ts';

/** The events as they come; at their end, whichever it is, what they took is added. */
export async function* counted(
  events: AsyncIterable<TuneEvent>,
  spending: Spending,
): AsyncGenerator<TuneEvent, void, void> {
  let steps = 0;
  let tokens = 0;
  try {
    for await (const event of events) {
      if (event.event === 'step') {
        steps += event.step.reused ? 0 : 1;
        tokens += event.step.reused ? 0 : event.step.tokens;
      } else if (event.event === 'usage') {
        const { usage } = event;
        steps = usage.steps;
        tokens = usage.prompt_tokens + usage.completion_tokens + usage.tuning_tokens;
      }
      yield event;
    }
  } finally {
    if (steps > 0 || tokens > 0) spending.add({ steps, tokens });
  }
}

/** What a score took. It tells no tokens of what it read, so those of its steps alone count. */
export const addScore = (spending: Spending, { steps, tuning }: ScoreResponse): void => {
  if (tuning.adapter?.reused === true) return;
  const made = steps.length + (tuning.guard?.undone_steps ?? 0);
  if (made > 0) spending.add({ steps: made, tokens: steps.reduce((sum, { tokens }) => sum + tokens, 0) });
};
