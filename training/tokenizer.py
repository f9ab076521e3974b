"""Trains the byte-level BPE tokenizer on DATA/train.jsonl and writes DATA/out/base/tokenizer.json.

GPT-2's scheme with digits in groups of at most three and runs of spaces kept together (indentation is one token).
`<|endoftext|>` is id 0; nothing is added to a text by itself.
"""
import argparse, json, pathlib, random
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

# as GPT-4's pattern, without the possessive quantifiers that JavaScript does not know
PATTERN = r"'(?:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(".sift/training"))
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--megabytes", type=int, default=40)
    options = parser.parse_args()
    out = options.data / "out/base"
    texts = [json.loads(line)["text"] for line in (options.data / "train.jsonl").open()]
    random.Random(0).shuffle(texts)
    sample, size = [], 0
    for text in texts:
        sample.append(text)
        size += len(text)
        if size > options.megabytes * 1e6:
            break
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(sample, trainers.BpeTrainer(
        vocab_size=options.vocabulary, special_tokens=["<|endoftext|>"], min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out / "tokenizer.json"))
    (out / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>", "bos_token": None, "model_max_length": 1024,
        "clean_up_tokenization_spaces": False}, indent=2) + "\n")
    bytes_, tokens = sum(len(t.encode()) for t in texts[-300:]), sum(len(e.ids) for e in tokenizer.encode_batch(texts[-300:]))
    print(f"{tokenizer.get_vocab_size()} ids, {bytes_ / tokens:.2f} bytes a token")


if __name__ == "__main__":
    main()
