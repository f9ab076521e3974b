"""Makes spm/golden.json and chat/golden.json: what transformers makes of texts with two tiny checkpoints.

    python test/engine/golden/make_text.py            # the values, from the committed weights
    python test/engine/golden/make_text.py --train    # the checkpoints too; other weights, so other values

spm: a Llama with a Llama-2 tokenizer (SentencePiece's ▁, byte fallback, <s> by template), overfitted on four sentences.
chat: a Qwen3 with chat marks; config.json names one end token and generation_config.json two, as instruct checkpoints do,
and its embeddings have rows beyond the tokenizer.
"""
import json, logging, math, pathlib, sys
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

logging.disable(logging.WARNING)
HERE = pathlib.Path(__file__).parent
SENTENCES = ["The capital of France is Paris.", "The capital of Spain is Madrid.", "Hello there, my friend!", "one two three four five six"]
CHAT = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nhello there<|im_end|>\n<|im_start|>user\nbye now<|im_end|>\n<|endoftext|>"


def fit(model, batches, steps, out):
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        loss = sum(model(b, labels=b).loss for b in batches) / len(batches)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.save_pretrained(out)


def train_spm(out):
    torch.manual_seed(0)
    out.mkdir(exist_ok=True)
    specials, every_byte = ["<unk>", "<s>", "</s>"], [f"<0x{i:02X}>" for i in range(256)]
    t = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")  # only while merges are learnt, removed below
    alphabet = list("▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,!? ")
    t.train_from_iterator(SENTENCES * 20, trainers.BpeTrainer(vocab_size=380, special_tokens=specials + every_byte, show_progress=False, initial_alphabet=alphabet))
    t.pre_tokenizer = None
    j = json.loads(t.to_str())
    j["added_tokens"] = [a for a in j["added_tokens"] if a["content"] in specials]
    single = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    pair = single + [{"SpecialToken": {"id": "<s>", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}]
    j["post_processor"] = {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}
    (out / "tokenizer.json").write_text(json.dumps(j, ensure_ascii=False))
    (out / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "clean_up_tokenization_spaces": False, "add_bos_token": True}))
    t = AutoTokenizer.from_pretrained(out)
    config = LlamaConfig(vocab_size=len(j["model"]["vocab"]), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False)
    fit(LlamaForCausalLM(config), [torch.tensor([t(s).input_ids + [2]]) for s in SENTENCES], 300, out)


def train_chat(out):
    torch.manual_seed(0)
    out.mkdir(exist_ok=True)
    t = Tokenizer(models.BPE())
    t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    t.train_from_iterator([CHAT], trainers.BpeTrainer(vocab_size=290, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    t.save(str(out / "tokenizer.json"))
    (out / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "clean_up_tokenization_spaces": False}))
    config = Qwen3Config(vocab_size=t.get_vocab_size() + 30, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=16, max_position_embeddings=256, bos_token_id=0, eos_token_id=0, tie_word_embeddings=True)
    model = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=[2, 0], pad_token_id=0)
    fit(model, [torch.tensor([t.encode(CHAT).ids])], 200, out)


def values(directory, prompts, pairs, examples):
    t = AutoTokenizer.from_pretrained(directory)
    load = lambda: AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
    model = load().eval()
    # what stands before a first token where the template puts nothing: config's bos
    start = [] if t("").input_ids else [model.config.bos_token_id]

    def complete(prompt):
        ids = t(prompt, return_tensors="pt").input_ids
        out = model.generate(ids, max_new_tokens=12, do_sample=False, attention_mask=torch.ones_like(ids))[0]
        text = lambda i: t.decode(i, skip_special_tokens=True)
        return {"prompt": prompt, "prompt_tokens": ids.shape[1], "text": text(out)[len(text(ids[0])):]}

    def score(context, text):
        # the tokens that hold a character of the text, from the first on that ends behind the context
        encoded = t(context + text, return_offsets_mapping=True)
        first = next(i for i, (a, b) in enumerate(encoded.offset_mapping) if b > len(context) and b > a)
        ids, first = start + encoded.input_ids, first + len(start)
        with torch.no_grad():
            logp = torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), -1)
        return {"context": context, "text": text, "tokens": len(ids) - first, "bits": -sum(logp[i - 1, ids[i]].item() for i in range(first, len(ids))) / math.log(2)}

    scores = [score(*pair) for pair in pairs]
    model = load()
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.0)
    losses = []
    for text in examples:
        ids = torch.tensor([start + t(text).input_ids])
        loss = model(ids, labels=ids).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    model.eval()
    golden = {"completions": [], "scores": scores, "train": {"examples": examples, "losses": losses, "after": score(*pairs[0])}}
    model = load().eval()
    golden["completions"] = [complete(p) for p in prompts]
    (directory / "golden.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1))
    print(directory.name, (directory / "golden.json").stat().st_size, "bytes")


if "--train" in sys.argv:
    train_spm(HERE / "spm")
    train_chat(HERE / "chat")
values(HERE / "spm",
       ["The capital of France is", "The capital of France is ", "The capital of Spain", "Hello", "one two", "<s>one two", "one  two", "The capital of France is Par", "</s>Hello", "é"],
       [("The capital of France is", " Paris."), ("one two", " three four five six"), ("The capital of France is Par", "is."), ("The capital of France is ", "Paris."), ("", "Hello there, my friend!"), ("", " x"), ("Hello", " €é."), ("on", "e two"), ("<s>", "one")],
       ["one two three", "Hello there", "The capital of France is Madrid.", "one two three", "é €"])
values(HERE / "chat",
       ["<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n", "<|im_start|>user\nhi", "hello", "<|im_start|>user\nbye now<|im_end|>"],
       [("<|im_start|>user\nhi<|im_end|>\n", "<|im_start|>assistant\nhello there<|im_end|>"), ("hel", "lo there"), ("", "hello"), ("user", "\nhi"), ("€"[:1], "é<|im_end|>")],
       ["hello there", "<|im_start|>user\nhi<|im_end|>", "hello there", "bye", "now"])
