"""The embedder as an ONNX file: input_ids, attention_mask → sentence_embedding, unit vectors.

The sum over distinct tokens of √count · E[token], as embedder.py trains it, normalised.
"""
import hashlib, json
import numpy, onnx
from onnx import TensorProto, helper, numpy_helper

MAX_TOKENS = 512


def export(table, tokenizer, out):
    """int8 rows with a scale each: a quarter of float32's bytes, and a cosine of 0.9999 with it.

    The name ends in a hash of the table: vectors of different tables must not meet in one index, and the name tells.
    """
    scale = numpy.maximum(numpy.abs(table).max(1, keepdims=True), 1e-8) / 127
    rows = numpy.round(table / scale).astype(numpy.int8)
    rows[0], scale[0] = 0, 0  # the padding token
    d = table.shape[1]
    floats = {"to": TensorProto.FLOAT}
    constants = {"table": rows, "scale": scale.astype(numpy.float32), "tiny": numpy.array(1e-12, numpy.float32), "one": numpy.array(1, numpy.float32),
                 "width": numpy.array([len(rows)], numpy.int64), "zero": numpy.array([0], numpy.float32), 
                 "axis1": numpy.array([1], numpy.int64), "axis2": numpy.array([2], numpy.int64)}
    nodes = [
        ("Cast", ["attention_mask"], "mask", floats),  # B T
        # how often each token stands in its text: a row of counts as long as the vocabulary, filled and read
        ("Shape", ["input_ids"], "batch", {"start": 0, "end": 1}), ("Concat", ["batch", "width"], "space", {"axis": 0}), ("Expand", ["zero", "space"], "empty"),
        ("ScatterElements", ["empty", "input_ids", "mask"], "counts", {"axis": 1, "reduction": "add"}),
        ("GatherElements", ["counts", "input_ids"], "count0", {"axis": 1}), ("Max", ["count0", "one"], "count"), ("Sqrt", ["count"], "root"),
        ("Div", ["mask", "root"], "share"),  # √count · E, over the count equal tokens
        ("Unsqueeze", ["share", "axis2"], "shares"), ("Gather", ["scale", "input_ids"], "scales"), ("Mul", ["scales", "shares"], "weights"),
        ("Gather", ["table", "input_ids"], "rows"), ("Cast", ["rows"], "floats", floats), ("Mul", ["floats", "weights"], "weighted"),
        ("ReduceSum", ["weighted", "axis1"], "sum", {"keepdims": 0}), ("Mul", ["sum", "sum"], "squares"),
        ("ReduceSum", ["squares", "axis1"], "square", {"keepdims": 1}), ("Sqrt", ["square"], "norm"), ("Max", ["norm", "tiny"], "safe"),
        ("Div", ["sum", "safe"], "sentence_embedding")]
    graph = helper.make_graph(
        [helper.make_node(op, inputs, [output], **(rest[0] if rest else {})) for op, inputs, output, *rest in nodes], "embedder",
        [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "tokens"]) for n in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", d])],
        [numpy_helper.from_array(value, key) for key, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name="training/embedder.py")
    onnx.checker.check_model(model)
    out.mkdir(parents=True, exist_ok=True)
    onnx.save(model, out / "model.onnx")
    tokenizer.save(str(out / "tokenizer.json"))
    name = f"sift-static-{d}-{hashlib.sha256(rows.tobytes() + tokenizer.to_str().encode()).hexdigest()[:8]}"
    (out / "config.json").write_text(json.dumps({"model": name, "dimensions": d, "max_tokens": MAX_TOKENS, "pooling": "built-in"}, indent=2) + "\n")
