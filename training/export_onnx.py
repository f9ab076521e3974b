"""The embedder as an ONNX file: input_ids, attention_mask → sentence_embedding, normalised sum of a table's rows."""
import hashlib, json
import numpy, onnx
from onnx import TensorProto, helper, numpy_helper

MAX_TOKENS = 512


def export(table, tokenizer, out):
    """int8 rows with a scale each: a quarter of float32's bytes, and a cosine within 1e-4 of it.

    The name ends in a hash of the table: vectors of different tables must not meet in one index, and the name tells.
    """
    scale = numpy.maximum(numpy.abs(table).max(1, keepdims=True), 1e-8) / 127
    rows = numpy.round(table / scale).astype(numpy.int8)
    rows[0], scale[0] = 0, 0  # the padding token
    d = table.shape[1]
    constants = {"table": rows, "scale": scale.astype(numpy.float32), "tiny": numpy.array(1e-12, numpy.float32),
                 "axis1": numpy.array([1], numpy.int64), "axis2": numpy.array([2], numpy.int64)}
    nodes = [("Gather", ["table", "input_ids"], "rows"), ("Cast", ["rows"], "floats", {"to": TensorProto.FLOAT}),
             ("Gather", ["scale", "input_ids"], "scales"), ("Cast", ["attention_mask"], "mask0", {"to": TensorProto.FLOAT}),
             ("Unsqueeze", ["mask0", "axis2"], "mask"), ("Mul", ["scales", "mask"], "weights"), ("Mul", ["floats", "weights"], "weighted"),
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
