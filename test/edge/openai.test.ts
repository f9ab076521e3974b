// OpenAI's routes as OpenAI's own SDK and plain HTTP see them: the edge in workerd, a gateway that answers as told.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chatChunk, chatResponse } from '../../wire/api/chat.ts';
import { completionChunk, completionResponse } from '../../wire/api/completions.ts';
import { modelList } from '../../wire/api/model.ts';
import { type Edge, KEY, startEdge } from './harness.ts';
import { goodEvents, type OpenAiGateway, openAiGateway } from './openai-gateway.ts';

let gateway: OpenAiGateway;
let edge: Edge;
let openai: OpenAI;
beforeAll(async () => {
  gateway = await openAiGateway();
  edge = await startEdge({ vars: { GATEWAY_URL: gateway.url } });
  openai = new OpenAI({ apiKey: KEY, baseURL: new URL('/v1', edge.url).href, maxRetries: 0 });
  await edge.upload('docs', [
    { id: 'router', text: 'The router matches the path of a request.' },
    { id: 'cookie', text: 'A cookie is set with a name and a value.' },
    { id: 'cats', text: 'Cats sleep for most of the day.' },
  ]);
});
afterAll(async () => {
  await edge?.close();
  await gateway?.close();
});
beforeEach(() => {
  gateway.tuning = undefined;
  gateway.asked();
});

const ROUTER = 'How does a router match?';
const user = (content: string) => [{ role: 'user' as const, content }];
const tuned = (sift: object = {}) => ({ model: 'base:sift', sift: { corpus: 'docs', n: 2, degree: 1, ...sift } });
const post = async (path: string, body: object, headers: Record<string, string> = {}) => {
  const response = await edge.send(path, { body, headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
};
const json = async (path: string, body: object, headers?: Record<string, string>) =>
  JSON.parse((await post(path, body, headers)).text);
const CHAT = '/v1/chat/completions';
const chat = (body: object, headers?: Record<string, string>) =>
  json(CHAT, { model: 'base', messages: user('Hi'), ...body }, headers);
/** The `data:` lines of a stream but [DONE], which must be there, parsed. */
const chunksOf = (text: string) => {
  const data = text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []));
  expect(data.at(-1)).toBe('[DONE]');
  return data.slice(0, -1).map((line) => JSON.parse(line));
};

describe('chat with OpenAI’s client', () => {
  it('answers with a message', async () => {
    const answer = await openai.chat.completions.create({ model: 'base', messages: user('Hi') });
    expect(answer.object).toBe('chat.completion');
    expect(answer.choices).toEqual([
      {
        index: 0,
        message: { role: 'assistant', content: 'Hello', refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ]);
    expect(answer.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 });
    expect(chatResponse.safeParse(answer).error).toBeUndefined();
    const [asked] = gateway.asked();
    expect(asked).toMatchObject({ model: 'base', messages: user('Hi'), picks: [], sampling: { max_tokens: null } });
    expect(asked).not.toHaveProperty('prompt');
  });

  it('streams deltas, the role first, and usage when asked', async () => {
    const stream = await openai.chat.completions.create({
      model: 'base',
      messages: user('Hi'),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map(({ choices: [choice] }) => [choice?.delta, choice?.finish_reason])).toEqual([
      [{ role: 'assistant', content: '' }, null],
      [{ content: 'Hel' }, null],
      [{ content: 'lo' }, null],
      [{}, 'stop'],
      [undefined, undefined],
    ]);
    expect(chunks.map(({ usage }) => usage?.total_tokens)).toEqual([undefined, undefined, undefined, undefined, 7]);
    for (const chunk of chunks) expect(chatChunk.safeParse(chunk).error).toBeUndefined();
  });

  it('gathers a stream into a message, as its helper does', async () => {
    const runner = openai.chat.completions.stream({ model: 'base', messages: user('Hi'), n: 2 });
    const { choices } = await runner.finalChatCompletion();
    expect(choices.map(({ message, finish_reason }) => [message.content, finish_reason])).toEqual([
      ['Hello', 'stop'],
      ['Hello', 'length'],
    ]);
  });

  it('raises the class of each error', async () => {
    const ask = (body: object) => async () =>
      openai.chat.completions.create({ model: 'base', messages: user('Hi'), ...body } as never);
    await expect(ask({ temperature: 3 })).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(ask({ model: 'base:sift', sift: { corpus: 'none' } })).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    const error = {
      message: 'it is not there',
      type: 'invalid_request_error',
      code: 'model_not_found',
      param: 'model',
    };
    gateway.tuning = (_, exchange) => exchange.answer(404, { error });
    await expect(ask({})).rejects.toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
    gateway.tuning = (_, exchange) =>
      exchange.answer(503, { error: { ...error, type: 'server_error', code: 'queue_full' } });
    await expect(ask({})).rejects.toBeInstanceOf(OpenAI.InternalServerError);
    gateway.tuning = async (request, exchange) => {
      await exchange.stream();
      await exchange.events(...goodEvents(request).slice(0, 2), {
        event: 'error',
        error: { message: 'it broke', type: 'server_error', code: 'backend', param: null },
      });
      exchange.end();
    };
    const read = async () => {
      for await (const _ of await openai.chat.completions.create({ model: 'base', messages: user('x'), stream: true }));
    };
    await expect(read()).rejects.toThrow('it broke');
    const stranger = new OpenAI({ apiKey: 'sk-wrong-key', baseURL: openai.baseURL, maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  });
});

describe('messages', () => {
  it('go on to the gateway with their roles, developer as system, parts a line each', async () => {
    await chat({
      messages: [
        { role: 'developer', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'One' },
            { type: 'text', text: 'two' },
          ],
        },
        { role: 'assistant', content: 'Yes.', refusal: null, tool_calls: [] },
        { role: 'user', content: 'Go on' },
      ],
    });
    expect(gateway.asked()[0]?.messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'One\ntwo' },
      { role: 'assistant', content: 'Yes.' },
      { role: 'user', content: 'Go on' },
    ]);
  });

  it.each<[string, object, string, RegExp]>([
    [
      'a tool’s message',
      { messages: [{ role: 'tool', content: 'x', tool_call_id: '1' }] },
      'messages.0.role',
      /"tool"/,
    ],
    [
      'an image',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'x' },
              { type: 'image_url', image_url: {} },
            ],
          },
        ],
      },
      'messages.0.content',
      /1\.type: is "image_url"/,
    ],
    [
      'a sound',
      { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] },
      'messages.0.content',
      /0\.type: is "input_audio"/,
    ],
    [
      'a message without content',
      { messages: [{ role: 'assistant', content: null }] },
      'messages.0.content',
      /is null/,
    ],
    ['a name', { messages: [{ role: 'user', content: 'x', name: 'bob' }] }, 'messages.0.name', /not supported/],
    ['no message', { messages: [] }, 'messages', /is empty/],
    ['tools', { tools: [{ type: 'function', function: { name: 'f' } }] }, 'tools', /not supported/],
    ['a tool that must be called', { tool_choice: 'required' }, 'tool_choice', /not supported/],
    ['functions', { functions: [{ name: 'f' }] }, 'functions', /not supported/],
    ['JSON', { response_format: { type: 'json_object' } }, 'response_format', /only null or {"type":"text"}/],
    ['audio', { audio: { voice: 'x', format: 'mp3' } }, 'audio', /not supported/],
    ['another modality', { modalities: ['text', 'audio'] }, 'modalities', /not supported/],
    ['a prediction', { prediction: { type: 'content', content: 'x' } }, 'prediction', /not supported/],
    ['the web', { web_search_options: {} }, 'web_search_options', /not supported/],
    ['a bias', { logit_bias: { 1: 5 } }, 'logit_bias', /not supported: only null or {}/],
    ['alternatives without log-probabilities', { top_logprobs: 2 }, 'top_logprobs', /needs logprobs/],
    ['21 alternatives', { logprobs: true, top_logprobs: 21 }, 'top_logprobs', /is 21, the limit is 20/],
    ['two limits', { max_tokens: 1, max_completion_tokens: 2 }, 'max_tokens', /give one of them/],
    ['a template of a prompt', tuned({ template: '{examples}{prompt}' }), 'sift', /'template' is not known/],
    ['sift without :sift', { sift: {} }, 'sift', /'base' generates without a selection/],
    ['what nobody knows', { top_a: 1 }, 'body', /'top_a' is not known here/],
  ])('with %s are refused by name', async (_, body, param, message) => {
    const { error } = await chat(body);
    expect(error).toMatchObject({ type: 'invalid_request_error', code: 'bad_field', param });
    expect(error.message).toMatch(message);
    expect(gateway.asked()).toEqual([]);
  });

  it('may stand beside everything that asks for nothing', async () => {
    const names =
      'max_tokens max_completion_tokens temperature top_p top_k seed stop stream stream_options user metadata store ' +
      'service_tier n presence_penalty frequency_penalty logit_bias logprobs top_logprobs truncate sift tools tool_choice ' +
      'functions function_call response_format modalities audio prediction web_search_options moderation reasoning_effort ' +
      'verbosity parallel_tool_calls prompt_cache_key prompt_cache_options prompt_cache_retention safety_identifier';
    const nothing = Object.fromEntries(names.split(' ').map((name) => [name, null]));
    expect((await chat(nothing)).choices[0].message.content).toBe('Hello');
    const neutral = {
      tools: [],
      tool_choice: 'none',
      functions: [],
      function_call: 'auto',
      response_format: { type: 'text' },
      modalities: ['text'],
      reasoning_effort: 'low',
      verbosity: 'high',
      parallel_tool_calls: true,
      prompt_cache_key: 'k',
      safety_identifier: 's',
      service_tier: 'flex',
      store: true,
      metadata: { a: 'b' },
      user: 'u',
      logit_bias: {},
      logprobs: false,
      top_logprobs: 0,
      seed: -(2 ** 63),
      stop: ['a', 'b', 'c', 'd'],
      top_p: 0,
    };
    expect((await chat(neutral)).choices[0].message.content).toBe('Hello');
  });
});

describe('NAME:sift in chat', () => {
  it('selects for what the user said last', async () => {
    const messages = [...user('Cats?'), { role: 'assistant', content: 'Yes.' }, ...user(ROUTER)];
    const answer = await chat({ ...tuned(), messages });
    const { picks } = await json('/v1/select', { corpus: 'docs', n: 2, degree: 1, input: ROUTER });
    const ids = picks.map(({ id }: { id: string }) => id);
    expect(answer.sift.picks.map(({ id }: { id: string }) => id)).toEqual(ids);
    expect(gateway.asked()[0]?.picks.map(({ id }) => id)).toEqual(ids);
    expect(answer.usage.prompt_tokens_details).toMatchObject({ tuning_steps: 2, tuning: { method: 'lora' } });
    expect(chatResponse.safeParse(answer).error).toBeUndefined();
  });

  it('selects alike for a text and for what the AI SDK makes of it', async () => {
    const bare = (await chat({ ...tuned(), messages: user(ROUTER) })).sift.picks.map(({ id }: { id: string }) => id);
    const parts = [{ role: 'user', content: [{ type: 'text', text: ROUTER }] }];
    const ofParts = (await chat({ ...tuned(), messages: parts })).sift.picks;
    expect(ofParts.map(({ id }: { id: string }) => id)).toEqual(bare);
    const { model, sift } = tuned();
    const sdk = createOpenAICompatible({ name: 'edge', apiKey: KEY, baseURL: openai.baseURL });
    gateway.asked();
    const asked = () => gateway.asked().map(({ picks }) => picks.map(({ id }) => id));
    const message = { system: 'Be brief.', prompt: ROUTER, maxRetries: 0 };
    const answer = await generateText({ ...message, model: sdk.chatModel(model), providerOptions: { edge: { sift } } });
    expect([answer.text, asked()]).toEqual(['Hello', [bare]]);
    // its completions write "user:" and "assistant:" around the prompt: there `input` says what to select for
    const options = { edge: { sift: { ...sift, input: ROUTER } } };
    await generateText({ ...message, model: sdk.completionModel(model), providerOptions: options });
    expect(asked()).toEqual([bare]);
  });

  it('selects for what sift.input or sift.vector say', async () => {
    const picksFor = async (sift: object, messages: object[] = user('x')) =>
      (await chat({ ...tuned({ n: 1, ...sift }), messages })).sift.picks[0].id;
    expect(await picksFor({ input: 'When do cats sleep?' }, user(ROUTER))).toBe('cats');
    expect(await picksFor({ input: ['a cookie', 'its name'] })).toBe('cookie');
    const model = (await json2('/v1/models')).data.find(({ kind }: { kind: string }) => kind === 'embed').id;
    const vector = (await json('/v1/embeddings', { model, input: ROUTER, input_type: 'query' })).data[0].embedding;
    expect(await picksFor({ vector })).toBe('router');
    // and a conversation without a user needs one of them
    const system = [{ role: 'system', content: 'x' }];
    expect((await chat({ ...tuned(), messages: system })).error.message).toMatch(
      /^messages: hold no message from the user/,
    );
    expect(await picksFor({ vector }, system)).toBe('router');
  });

  it('names the fields of sift as they stand in the request', async () => {
    expect((await chat(tuned({ vector: [1, 2] }))).error).toMatchObject({ param: 'sift.vector' });
    expect((await chat(tuned({ vector: [1, 'x'] }))).error.message).toMatch(/^sift\.vector\[1\] is "x"/);
    expect((await chat(tuned({ stripes: 3 }))).error.param).toBe('sift.stripes');
    expect((await chat({ ...tuned(), messages: user(' \n') })).error).toMatchObject({ param: 'messages' });
  });

  it('passes templates on for the system message', async () => {
    const layout = { system_template: 'Use {examples}. {system}', example_template: '- {text}', separator: '\n' };
    const answer = await chat(tuned({ use: 'context', ...layout }));
    expect(gateway.asked()[0]).toMatchObject({ use: 'context', layout });
    expect(answer.sift).toMatchObject({ use: 'context', context: { examples: 2 }, tuning: null });
  });
});

const json2 = async (path: string) => JSON.parse(await (await edge.send(path)).text());

describe('samples and log-probabilities', () => {
  it('come by index, of one tuning', async () => {
    const answer = await chat({ ...tuned(), n: 3, presence_penalty: 0.5, frequency_penalty: -0.5 });
    expect(answer.choices.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2]);
    expect(answer.choices[1].finish_reason).toBe('length');
    const [asked, ...others] = gateway.asked();
    expect(others).toEqual([]);
    expect(asked?.sampling).toMatchObject({ n: 3, presence_penalty: 0.5, frequency_penalty: -0.5 });
  });

  it('in chat’s form, whole and in a stream', async () => {
    const body = { logprobs: true, top_logprobs: 1 };
    const [choice] = (await chat(body)).choices;
    expect(choice.logprobs).toEqual({
      content: ['Hel', 'lo'].map((token) => ({
        token,
        logprob: -0.5,
        bytes: [...Buffer.from(token)],
        top_logprobs: [{ token: 'alternative 0', logprob: -1, bytes: [...Buffer.from('alternative 0')] }],
      })),
      refusal: null,
    });
    const { text } = await post(CHAT, { model: 'base', messages: user('Hi'), stream: true, ...body });
    const told = chunksOf(text).flatMap(({ choices }) => choices[0].logprobs?.content ?? []);
    expect(told).toEqual(choice.logprobs.content);
    expect((await chat({ logprobs: true })).choices[0].logprobs.content[0].top_logprobs).toEqual([]);
  });

  it('in the older form, with each token among the likeliest and its place in the text', async () => {
    const ask = (body: object) => json('/v1/completions', { model: 'base', prompt: 'x', ...body });
    const answer = await ask({ logprobs: 1 });
    expect(answer.choices[0].logprobs).toEqual({
      tokens: ['Hel', 'lo'],
      token_logprobs: [-0.5, -0.5],
      top_logprobs: [
        { 'alternative 0': -1, Hel: -0.5 },
        { 'alternative 0': -1, lo: -0.5 },
      ],
      text_offset: [0, 3],
    });
    expect(completionResponse.safeParse(answer).error).toBeUndefined();
    expect((await ask({ logprobs: 0 })).choices[0].logprobs.top_logprobs).toEqual([{ Hel: -0.5 }, { lo: -0.5 }]);
    const { text } = await post('/v1/completions', { model: 'base', prompt: 'x', logprobs: 1, stream: true });
    const chunks = chunksOf(text);
    expect(chunks.map(({ choices }) => choices[0].logprobs?.text_offset)).toEqual([[0], [3], undefined]);
    for (const chunk of chunks) expect(completionChunk.safeParse(chunk).error).toBeUndefined();
  });

  it('of a sample that nobody asked for are a failure of the gateway', async () => {
    gateway.tuning = async (request, exchange) => {
      await exchange.stream();
      await exchange.events(...goodEvents({ ...request, sampling: { ...request.sampling, n: 2 } }));
      exchange.end();
    };
    const { status, text } = await post(CHAT, { model: 'base', messages: user('Hi') });
    expect([status, JSON.parse(text).error.code]).toEqual([502, 'backend']);
  });
});

describe('what the gateway refuses', () => {
  it.each([
    ['sampling.presence_penalty', 'presence_penalty', 'presence_penalty'],
    ['sampling.logprobs', 'logprobs', 'top_logprobs'],
    ['tuning.rank', 'sift.rank', 'sift.rank'],
    ['messages', 'messages', 'messages'],
  ])('is told by the caller’s own names: %s', async (param, inCompletions, inChat) => {
    const error = { message: `${param}: is 9, too many`, type: 'invalid_request_error', code: 'bad_field', param };
    gateway.tuning = (_, exchange) => exchange.answer(400, { error });
    const completion = await json('/v1/completions', { model: 'base', prompt: 'x' });
    expect(completion.error).toMatchObject({ param: inCompletions, message: `${inCompletions}: is 9, too many` });
    expect((await chat({})).error).toMatchObject({ param: inChat, message: `${inChat}: is 9, too many` });
  });
});

describe('several prompts', () => {
  const prompts = [ROUTER, 'When do cats sleep?'];
  const complete = (body: object) => json('/v1/completions', { model: 'base', prompt: prompts, ...body });

  it('are answered in order, each with a selection and a tuning of its own', async () => {
    const answer = await complete({ ...tuned({ n: 1 }), n: 2 });
    expect(answer.choices.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2, 3]);
    expect(gateway.asked().map(({ prompt, picks }) => [prompt, picks.map(({ id }) => id)])).toEqual([
      [prompts[0], ['router']],
      [prompts[1], ['cats']],
    ]);
    expect(answer.sift.map(({ picks }: { picks: { id: string }[] }) => picks.map(({ id }) => id))).toEqual([
      ['router'],
      ['cats'],
    ]);
    expect(answer.usage).toMatchObject({
      prompt_tokens: 10,
      completion_tokens: 8,
      prompt_tokens_details: { tuning_steps: 2, tuning_tokens: 18, tuning: null },
    });
    expect(answer.sift[1].tuning).toMatchObject({ method: 'lora' });
    expect(completionResponse.safeParse(answer).error).toBeUndefined();
  });

  it('are streamed one after the other', async () => {
    const { text } = await post('/v1/completions', {
      ...tuned({ n: 1 }),
      prompt: prompts,
      stream: true,
      stream_options: { include_usage: true, include_sift: true },
    });
    const chunks = chunksOf(text);
    const texts = chunks.flatMap(({ choices }) => choices).map(({ index, text: piece }) => `${index}${piece}`);
    expect(texts).toEqual(['0Hel', '0lo', '0', '1Hel', '1lo', '1']);
    const selections = chunks.flatMap(({ sift }) =>
      sift?.selection ? [[sift.prompt, sift.selection.picks[0].id]] : [],
    );
    expect(selections).toEqual([
      [0, 'router'],
      [1, 'cats'],
    ]);
    expect(chunks.at(-1).usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 4 });
  });

  it('fail together, by what one of them fails of: before any work, and after the first', async () => {
    const blank = await complete({ ...tuned(), prompt: [ROUTER, ' '] });
    expect(blank.error).toMatchObject({ param: 'prompt.1', message: expect.stringContaining('blank') });
    expect(gateway.asked()).toEqual([]);
    const error = { message: 'is full', type: 'server_error', code: 'queue_full', param: null };
    let asked = 0;
    gateway.tuning = async (request, exchange) => {
      asked += 1;
      if (asked > 1) return exchange.answer(503, { error });
      await exchange.stream();
      await exchange.events(...goodEvents(request));
      exchange.end();
    };
    const { status, headers, text } = await post('/v1/completions', { ...tuned(), prompt: prompts });
    expect(status).toBe(503);
    expect(headers.get('x-should-retry')).toBe('false');
    expect(JSON.parse(text).error.message).toBe('prompt 2 of 2: is full');
    asked = 0;
    const streamed = await post('/v1/completions', { ...tuned(), prompt: prompts, stream: true });
    expect(streamed.text).toContain('data: {"error":{"message":"prompt 2 of 2: is full"');
    expect(streamed.text).not.toContain('[DONE]');
  });
});

describe('a stream’s progress', () => {
  const ask = (body: object, headers?: Record<string, string>) =>
    post(
      CHAT,
      { ...tuned({ use: 'both' }), messages: user(ROUTER), stream: true, truncate: 'start', ...body },
      headers,
    );

  it('comes as data for who asks, by option or header, in chunks without choices', async () => {
    const option = await ask({ stream_options: { include_sift: true } });
    const header = await ask({}, { 'x-sift-events': '1' });
    for (const { text } of [option, header]) {
      const chunks = chunksOf(text);
      for (const chunk of chunks) expect(chatChunk.safeParse(chunk).error).toBeUndefined();
      const told = chunks.flatMap(({ choices, sift }) => (choices.length === 0 ? [sift] : []));
      expect(told.map((one) => Object.keys(one)[0])).toEqual([
        'selection',
        'queued',
        'step',
        'step',
        'truncated',
        'context',
      ]);
      expect(told[0].selection).toMatchObject({ corpus: 'docs', stop: 'count' });
      expect(told[3].step).toMatchObject({ index: 1, of: 2, loss: 2.5 });
      expect(told[4]).toEqual({ truncated: { dropped_tokens: 7, kept_tokens: 5 } });
      expect(text.replaceAll(':\n\n', '')).not.toMatch(/^: /m);
    }
  });

  it('is told in comments otherwise', async () => {
    const { text } = await ask({});
    expect(chunksOf(text).every((chunk) => !('sift' in chunk) && chunk.choices.length === 1)).toBe(true);
    expect(text).toMatch(/: selected 2 of 3/);
    expect(text).toMatch(/: step 2\/2 loss 2\.5000/);
    expect(text).toContain(": truncated: the prompt's first 7 tokens are left out, 5 are read");
  });

  it('begins with a status: what is refused at once has its own, what fails later ends the stream', async () => {
    const error = { message: 'is full', type: 'server_error', code: 'backend_unavailable', param: null };
    gateway.tuning = async (_, exchange) => {
      await exchange.stream();
      await exchange.events({ event: 'error', error: { ...error, type: 'invalid_request_error', code: 'bad_field' } });
      exchange.end();
    };
    const refused = await ask({});
    expect([refused.status, JSON.parse(refused.text).error.message]).toEqual([400, 'is full']);
    expect(refused.headers.has('x-should-retry')).toBe(false);
    let fail: () => void = () => {};
    gateway.tuning = async (_, exchange) => {
      await exchange.stream();
      await exchange.write(': waiting\n\n');
      await new Promise<void>((resolve) => {
        fail = resolve;
      });
      await exchange.events({ event: 'error', error });
      exchange.end();
    };
    // the answer begins though nothing has come of the work
    const body = { ...tuned(), messages: user(ROUTER), stream: true };
    const begun = await edge.send(CHAT, { body });
    expect(begun.status).toBe(200);
    fail();
    expect(await begun.text()).toContain('data: {"error":{"message":"is full"');
  });

  it('of a cut prompt stands in a whole answer too', async () => {
    const { choices } = await chat({ truncate: 'start' });
    expect(choices[0].truncated).toEqual({ dropped_tokens: 7, kept_tokens: 5 });
    expect(gateway.asked()[0]?.sampling.truncate).toBe('start');
    expect((await chat({})).choices[0]).not.toHaveProperty('truncated');
  });
});

describe('models', () => {
  it('are listed with what they can do, the embedder among them', async () => {
    const list = modelList.parse(await json2('/v1/models'));
    expect(list.data).toMatchObject([
      { id: 'base', kind: 'generate', context_window: 512, tuned: false, chat: 'own', max_logprobs: 20 },
      { id: 'base:sift', tuned: true, methods: ['full', 'lora'], penalties: true },
      { kind: 'embed', dimensions: 256, context_window: 512 },
    ]);
    for await (const { id } of openai.models.list()) expect((await openai.models.retrieve(id)).id).toBe(id);
    await expect(openai.models.retrieve('org/none')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
  });
});

describe('CORS', () => {
  it('allows whatever a preflight asks for', async () => {
    for (const path of [CHAT, '/v1/completions', '/v1/embeddings', '/v1/models']) {
      const response = await edge.send(path, {
        method: 'OPTIONS',
        key: null,
        headers: {
          origin: 'https://app.example',
          'access-control-request-method': 'POST',
          'access-control-request-headers':
            'authorization,x-sift-events,traceparent,x-stainless-timeout,idempotency-key',
        },
      });
      expect(response.headers.get('access-control-allow-headers')?.split(',')).toEqual(
        expect.arrayContaining(['authorization', 'x-sift-events', 'traceparent', 'x-stainless-timeout']),
      );
    }
    const answered = await edge.send('/v1/models', { headers: { origin: 'https://app.example' } });
    expect(answered.headers.get('access-control-allow-origin')).toBe('*');
    expect(answered.headers.get('access-control-expose-headers')).toContain('x-request-id');
  });
});
