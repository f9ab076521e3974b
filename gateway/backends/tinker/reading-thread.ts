// The thread of reading.ts: one tokenizer, one text after another.
import { parentPort, workerData } from 'node:worker_threads';
import { createTokenizer } from '../../../tokenizer/index.ts';
import { type Fault, FaultError } from '../../../wire/faults.ts';
import { messageOf } from '../../../wire/message.ts';
import { createChat } from '../text/chat/chat.ts';
import { cutPrompt } from '../text/cut.ts';
import { fittingPrompt, type PromptReader, promptIds, scoredIds, trainedExample } from '../text/sequence.ts';
import type { Job, ReadingOptions, Reply } from './reading-messages.ts';

const { json, settings, rows, chat, context, start } = workerData as ReadingOptions;
const tokenizer = createTokenizer(json, settings, rows);
const reader: PromptReader = { tokenizer, chat: createChat(chat, tokenizer), architecture: { context, start } };

const perform = (job: Job): unknown => {
  switch (job.do) {
    case 'prompt':
      return fittingPrompt(reader, job.prompt);
    case 'count':
      return promptIds(reader, job.prompt).length;
    case 'cut':
      return cutPrompt(reader, job.prompt, job.most);
    case 'example':
      return trainedExample(reader, job.text, job.most);
    case 'scored':
      return scoredIds(reader, job.context, job.text);
  }
};

parentPort?.on('message', ({ id, job }: { id: number; job: Job }) => {
  let reply: Reply;
  try {
    reply = { id, done: perform(job) };
  } catch (error) {
    const fault: Fault = error instanceof FaultError ? error.fault : { kind: 'backend', message: messageOf(error) };
    reply = { id, fault };
  }
  parentPort?.postMessage(reply);
});
