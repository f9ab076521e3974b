// POST /v1/chat/completions: OpenAI's route. `NAME` answers a conversation; `NAME:sift` first selects for what its user said
// last, and tunes on the picks or puts them into the system message (docs/chat.md).
import { chatRequest } from '../../wire/api/chat.ts';
import { MAX_BODY_BYTES } from '../../wire/limits.ts';
import { readJson } from '../http/body.ts';
import { chatShape } from './chat-shape.ts';
import { type GenerateContext, generate, type Route } from './generate.ts';

const ROUTE: Route = { prefix: 'chatcmpl', shapeOf: chatShape, terms: { logprobs: 'top_logprobs' } };

export const chatRoute = async (c: GenerateContext): Promise<Response> => {
  const { messages, ...request } = await readJson(c.req.raw, chatRequest, MAX_BODY_BYTES);
  const last = messages.findLast(({ role }) => role === 'user');
  const blank = last === undefined ? 'hold no message from the user' : 'have a blank last message from the user';
  const subject = { of: { messages }, text: last?.content ?? '', param: 'messages', blank };
  return generate(c, request, [subject], ROUTE);
};
