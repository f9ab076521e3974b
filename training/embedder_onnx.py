"""Exports the Transformer of a sentence-transformers directory to DIR/onnx/model.onnx, for `npm start -- --embedder DIR`.

    python training/embedder_onnx.py DIR [--half]        (torch, transformers, onnx)

Tokens in, a vector for each token out (last_hidden_state); pooling is read from 1_Pooling/config.json by the edge.
--half: onnx/model_fp16.onnx, weights and output in float16.
"""
import argparse, pathlib
import torch
from transformers import AutoModel


class Hidden(torch.nn.Module):
    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *inputs):
        return self.model(**dict(zip(self.names, inputs))).last_hidden_state


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("directory", type=pathlib.Path)
parser.add_argument("--half", action="store_true")
options = parser.parse_args()
model = AutoModel.from_pretrained(options.directory, attn_implementation="eager", dtype=torch.float16 if options.half else torch.float32).eval()
names = ["input_ids", "attention_mask"] + ["token_type_ids"] * (getattr(model.config, "type_vocab_size", 1) > 1)
ids = torch.ones(2, 8, dtype=torch.long)
mask = ids.clone()
mask[1, 5:] = 0  # a mask of ones alone would be traced away
out = options.directory / "onnx" / ("model_fp16.onnx" if options.half else "model.onnx")
out.parent.mkdir(exist_ok=True)
torch.onnx.export(Hidden(model, names), tuple([ids, mask, 0 * ids][: len(names)]), out, input_names=names, output_names=["last_hidden_state"],
                  dynamic_axes={name: {0: "batch", 1: "tokens"} for name in [*names, "last_hidden_state"]}, opset_version=17, dynamo=False)
print(out, out.stat().st_size, "bytes")
