// The JavaScript half of tokenizer_check.py: {"file", "texts"} on stdin, the ids of every text on stdout.
import { readFileSync } from 'node:fs';
import { Tokenizer } from '@huggingface/tokenizers';

const { file, texts } = JSON.parse(readFileSync(0, 'utf8'));
const tokenizer = new Tokenizer(JSON.parse(readFileSync(file, 'utf8')), {});
process.stdout.write(JSON.stringify(texts.map((text) => tokenizer.encode(text).ids)));
