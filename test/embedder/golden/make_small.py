"""Tiny ONNX models that the trial at start has to tell apart (pip install onnx numpy).

    python test/embedder/golden/make_small.py

half.onnx: a vector for each token in float16. positions.onnx: a position table of 24 rows. external.onnx: its table in
external.onnx_data. zeros.onnx, nan.onnx: what their names say. pooled.onnx: sentence_embedding alone.
"""
import pathlib
import numpy as np
import onnx
from onnx import TensorProto as T, helper, numpy_helper

HERE = pathlib.Path(__file__).parent / "small"
HERE.mkdir(exist_ok=True)
random = np.random.default_rng(3)
WORDS, D = 80, 8
TABLE = random.normal(size=(WORDS, D)).astype(np.float32)


def model(name, table=TABLE, positions=None, half=False, pooled=False, external=False):
    weights = [numpy_helper.from_array(table.astype(np.float16) if half else table, "table")]
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["words"])]
    out, inputs = "words", ["input_ids", "attention_mask"]
    if positions is not None:
        weights.append(numpy_helper.from_array(positions, "positions"))
        nodes += [helper.make_node("Gather", ["positions", "position_ids"], ["places"]), helper.make_node("Add", ["words", "places"], ["sum"])]
        out, inputs = "sum", ["input_ids", "position_ids"]
    kind, named, shape = (T.FLOAT16 if half else T.FLOAT), "last_hidden_state", ["batch", "tokens", D]
    if pooled:
        named, shape = "sentence_embedding", ["batch", D]
        nodes.append(helper.make_node("ReduceMean", [out], [named], axes=[1], keepdims=0))
    else:
        nodes.append(helper.make_node("Identity", [out], [named]))
    graph = helper.make_graph(nodes, name, [helper.make_tensor_value_info(i, T.INT64, ["batch", "tokens"]) for i in inputs], [helper.make_tensor_value_info(named, kind, shape)], weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = HERE / f"{name}.onnx"
    if external:
        (HERE / f"{name}.onnx_data").unlink(missing_ok=True)
        onnx.save_model(made, path, save_as_external_data=True, location=f"{name}.onnx_data", size_threshold=0)
    else:
        onnx.save_model(made, path)


model("half", half=True)
model("positions", positions=random.normal(size=(24, D)).astype(np.float32))
model("external", external=True)
model("zeros", table=np.zeros_like(TABLE))
model("nan", table=np.where(random.random(TABLE.shape) < 0.5, np.nan, TABLE).astype(np.float32))
model("pooled", pooled=True)
