# OpenAI's Python SDK as a process: an `Ask` (client.ts) is a line {"id": n, "ask": {...}} of its input, `{"leave": n}` cancels
# it, and what came of it is a line of its output. The server's address and key come as arguments.
import asyncio
import json
import sys

from openai import APIError, APIStatusError, AsyncOpenAI, DefaultAsyncHttpxClient

BASE_URL, KEY = sys.argv[1:]


def failure(error):
    told = {"name": type(error).__name__, "message": str(error), "status": None, "code": None, "param": None}
    if isinstance(error, APIError):
        told |= {"code": error.code, "param": error.param}
    if isinstance(error, APIStatusError):
        told |= {"status": error.status_code}
    return told


def usage_of(usage):
    return {} if usage is None else {"tokens": {"prompt": usage.prompt_tokens, "completion": usage.completion_tokens}}


def fields_of(ask):
    fields = {"model": ask.get("model", "")}
    if "temperature" in ask:
        fields["temperature"] = ask["temperature"]
    if "sift" in ask:
        fields["extra_body"] = {"sift": ask["sift"]}
    if ask.get("events"):
        fields["stream_options"] = {"include_usage": True, "include_sift": True}
    return fields


def messages_of(ask):
    system = [{"role": "system", "content": ask["system"]}] if "system" in ask else []
    return [*system, {"role": "user", "content": ask["input"]}]


async def gathered(ask, stream, text_of):
    pieces, sift, usage = [], [], None
    async with stream:
        async for chunk in stream:
            text = text_of(chunk.choices[0]) if chunk.choices else None
            if text:
                pieces.append(text)
            if (chunk.model_extra or {}).get("sift") is not None:
                sift.append(chunk.model_extra["sift"])
            usage = chunk.usage or usage
            if len(pieces) == ask.get("leaveAfter"):
                break
    told = {"text": "".join(pieces), "pieces": len(pieces), **usage_of(usage)}
    return told | ({"sift": sift} if sift else {})


async def work(openai, ask):
    fields = fields_of(ask)
    match ask["do"]:
        case "chat":
            answer = await openai.chat.completions.create(**fields, messages=messages_of(ask))
            sift = (answer.model_extra or {}).get("sift")
            return {"text": answer.choices[0].message.content, "sift": sift, **usage_of(answer.usage)}
        case "stream":
            stream = await openai.chat.completions.create(**fields, messages=messages_of(ask), stream=True)
            return await gathered(ask, stream, lambda choice: choice.delta.content)
        case "complete":
            answer = await openai.completions.create(**fields, prompt=ask["input"])
            return {"text": answer.choices[0].text, **usage_of(answer.usage)}
        case "streamText":
            stream = await openai.completions.create(**fields, prompt=ask["input"], stream=True)
            return await gathered(ask, stream, lambda choice: choice.text)
        case "embed":
            encoding = {"encoding_format": ask["format"]} if "format" in ask else {}
            answer = await openai.embeddings.create(model=fields["model"], input=ask["input"], **encoding)
            return {"vectors": [one.embedding for one in answer.data]}
        case "models":
            return {"models": [model.id async for model in openai.models.list()]}
        case "model":
            return {"models": [(await openai.models.retrieve(fields["model"])).id]}


async def told(ask):
    attempts = 0

    async def count(_request):
        nonlocal attempts
        attempts += 1

    http = DefaultAsyncHttpxClient(event_hooks={"request": [count]})
    options = {"api_key": ask.get("key", KEY), "max_retries": ask.get("maxRetries", 0)}
    async with AsyncOpenAI(base_url=BASE_URL, http_client=http, **options) as openai:
        try:
            return {**await work(openai, ask), "attempts": attempts}
        except asyncio.CancelledError:
            return {"error": failure(asyncio.CancelledError("cancelled")), "attempts": attempts}
        except Exception as error:
            return {"error": failure(error), "attempts": attempts}


async def main():
    tasks = {}

    async def answer(number, ask):
        outcome = await told(ask)
        print(json.dumps({"id": number, "told": outcome}), flush=True)

    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        message = json.loads(line)
        if "leave" in message:
            tasks[message["leave"]].cancel()
        else:
            tasks[message["id"]] = asyncio.create_task(answer(message["id"], message["ask"]))


asyncio.run(main())
