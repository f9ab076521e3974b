// What people point --model at that is no checkpoint of this engine's: said in words that tell what it is and what helps.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Why a config.json describes a model of another kind, before its sizes are looked at. */
export const foreignKind = (json: unknown): string | undefined => {
  if (!isObject(json)) return 'is not an object';
  const names = [json.model_type, ...(Array.isArray(json.architectures) ? json.architectures : [])].map(String);
  const shown = names[1] ?? names[0] ?? '';
  if (isObject(json.text_config) || isObject(json.vision_config) || isObject(json.audio_config)) {
    return `${shown} wraps a text model beside images or sound; only a checkpoint of the text model by itself is supported`;
  }
  const experts = ['num_experts', 'num_local_experts', 'n_routed_experts'].find((key) => Number(json[key] ?? 0) > 0);
  if (experts !== undefined || names.some((name) => /moe|mixtral/i.test(name))) {
    return `${shown} is a mixture of experts, which is not supported`;
  }
  if ('n_embd' in json || names.some((name) => /^gpt/i.test(name))) {
    return `${shown} has the layout of GPT-2 (learned positions, LayerNorm), which is not supported`;
  }
  if (isObject(json.quantization_config)) {
    const method = json.quantization_config.quant_method;
    return `quantised checkpoints${typeof method === 'string' ? ` (${method})` : ''} are not supported; use the f32, f16 or bf16 one`;
  }
  return undefined;
};

const LFS = 'version https://git-lfs.github.com/spec/';

/** Whether a file's first bytes are those of a Git LFS pointer, which a clone without LFS leaves in the file's place. */
export const isLfsPointer = (head: Uint8Array): boolean =>
  new TextDecoder().decode(head.subarray(0, LFS.length)) === LFS;

export const LFS_WORDS = "is a Git LFS pointer, not the file itself; 'git lfs pull' in its directory fetches it";

/** Why a directory has no `missing` file, from what it has instead; undefined where nothing is known about it. */
export const foreignDirectory = async (directory: string, missing: string): Promise<string | undefined> => {
  const kind = await stat(directory).catch(() => undefined);
  if (kind === undefined) return undefined;
  if (!kind.isDirectory()) {
    return directory.endsWith('.gguf')
      ? `${directory} is a GGUF file; a directory in Hugging Face layout is needed (config.json, tokenizer.json, model.safetensors)`
      : `${directory} is a file; a directory in Hugging Face layout is needed`;
  }
  const files = await readdir(directory);
  const has = (test: (name: string) => boolean): string | undefined => files.find(test);
  if (files.includes('adapter_config.json')) {
    return `${directory} holds an adapter without its base model; merge them (PEFT: merge_and_unload, then save_pretrained)`;
  }
  const gguf = has((name) => name.endsWith('.gguf'));
  if (gguf !== undefined) {
    return `${directory} has ${gguf} but no ${missing}; GGUF is not supported, only safetensors in Hugging Face layout`;
  }
  const pickle = has((name) => /^pytorch_model.*\.bin$/.test(name) || name === 'consolidated.00.pth');
  if (pickle !== undefined && missing.includes('safetensors')) {
    return `${join(directory, pickle)} is a pickle of PyTorch's, which can run code and is not read; load it with transformers and call save_pretrained, which writes safetensors`;
  }
  return undefined;
};
