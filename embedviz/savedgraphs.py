"""What a SavedModel would do, read from its graph before TensorFlow runs any of it.

TensorFlow's operations include reading and writing any file, also over the network, and calling
Python. A SavedModel that embedviz opens may compute, keep variables and tables, draw random
numbers and read tables from the files that lie in its own `assets`; a graph with anything else is
refused by the operation's name. Operations that keep state or act on the world are marked so in
TensorFlow's own register, so of those only the ones listed here pass, and one that a later
TensorFlow adds does not pass by itself. This is no guard against a graph made to exhaust memory,
or to use a fault in TensorFlow itself: load models from people you trust.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from embedviz.errors import WeightsError
from embedviz.weightfiles import SAVED_MODEL

if TYPE_CHECKING:
    from tensorflow.core.framework.function_pb2 import FunctionDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

STATEFUL = re.compile(
    r"""
    # Calls and control flow; what they call lies in the same file and is checked too.
    StatefulPartitionedCall|If|While|Case|Assert|Print|CheckNumerics(V2)?|DeviceIndex|
    GuaranteeConst|Timestamp|
    # Variables, and the optimisers that trained models carry along.
    VarHandleOp|ReadVariableOp|Assign(Add|Sub)?VariableOp|VarIsInitializedOp|VariableShape|
    DestroyResourceOp|DisableCopyOnRead|Resource(Gather|GatherNd|StridedSliceAssign|CountUpTo)|
    Resource(Scatter|Apply|SparseApply)\w+|Empty|
    # Tables, arrays and stacks in memory.
    HashTableV2|AnonymousHashTable|Mutable(Dense)?HashTable(OfTensors)?V2|
    LookupTable(Find|Insert|Remove|Size|Import|Export)V2|InitializeTableV2|
    TensorArray\w*V3|Stack(Push|Pop|Close)?V2|
    # Random numbers.
    Random(Uniform|UniformInt|StandardNormal|Shuffle|Gamma|PoissonV2)|TruncatedNormal|Multinomial|
    ParameterizedTruncatedNormal|NonDeterministicInts|StatelessRandomGetAlg|
    Stateful(StandardNormalV2|Uniform|UniformInt|UniformFullInt|TruncatedNormal)|
    Rng(Skip|ReadAndSkip)|
    # Recurrent layers as they run on a GPU.
    CudnnRNN(Backprop)?(V2|V3)?
    """,
    re.VERBOSE,
)
# Not marked as stateful, but they read or write files, call other code or keep data sets.
REFUSED = re.compile(
    r"\w*Dataset\w*|_\w+|Debug\w+|PyFuncStateless|ReadFile|MatchingFiles|ImmutableConst|"
    r"DecodeProtoV2|EncodeProto|GenerateVocabRemapping|InitializeTableFromTextFile|"
    r"XlaCustomCall(V2)?|XlaLaunchV2|MlirPassthroughOp|CustomAggregator|Reader\w+|TPU\w+"
)
# How a SavedModel stores its variables; only the functions that TensorFlow's own saver calls hold
# these, and the loading of a SavedModel does not run them.
SAVING = frozenset({"SaveV2", "RestoreV2", "MergeV2Checkpoints"})
TEXT_TABLE = "InitializeTableFromTextFileV2"
CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
SCREEN = re.compile(rb"|stdout|stderr|log\((info|warning|error)\)")  # left out: stderr


def check(folder: Path) -> None:
    """Refuse a SavedModel that is none, or would do more than compute.

    Raises
    ------
    WeightsError
        In one sentence, with the name of the operation.
    """
    graph = _read(folder)
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    nodes = [*graph.graph_def.node, *(n for f in functions.values() for n in f.node_def)]
    for node in nodes:
        if not _is_harmless(node, functions):
            raise _refusal(folder, node.op)
    for node in _beyond_the_saver(graph, functions):
        if node.op in SAVING:
            raise _refusal(folder, node.op)
    if any(node.op == TEXT_TABLE for node in nodes):
        _check_text_tables(folder, graph, functions)
    for asset in graph.asset_file_def:
        if PurePosixPath(asset.filename).is_absolute() or ".." in re.split(
            r"[/\\]", asset.filename
        ):
            raise _refusal(folder, f"a file outside of the folder ({asset.filename})")


def _refusal(folder: Path, what: str) -> WeightsError:
    return WeightsError(
        f"{folder} was not loaded: its graph uses {what}, which does more than compute; "
        "embedviz opens only SavedModels that leave files, Python and other programs alone."
    )


def _read(folder: Path) -> MetaGraphDef:
    from tensorflow.python.saved_model.loader_impl import parse_saved_model

    try:
        saved = parse_saved_model(str(folder))
    except OSError as error:
        raise WeightsError(f"{folder} holds no {SAVED_MODEL} that can be read.") from error
    if len(saved.meta_graphs) != 1 or not saved.meta_graphs[0].HasField("object_graph_def"):
        raise WeightsError(
            f"{folder} is no SavedModel of TensorFlow 2, and embedviz opens no others."
        )
    return saved.meta_graphs[0]


def _is_harmless(node: NodeDef, functions: Mapping[str, FunctionDef]) -> bool:
    from tensorflow.python.framework import op_def_registry

    definition = op_def_registry.get(node.op)
    if definition is None:
        return node.op in functions
    if node.op in SAVING or node.op == TEXT_TABLE:
        return True  # looked at as a whole
    if node.op == "PrintV2":
        return bool(SCREEN.fullmatch(node.attr["output_stream"].s))
    if node.op == "XlaCallModule":
        # A compiled program that only computes; the name of a call out of it would stand inside.
        return b"custom_call" not in node.attr["module"].s
    if definition.is_stateful:
        return STATEFUL.fullmatch(node.op) is not None
    return REFUSED.fullmatch(node.op) is None


def _called(node: NodeDef) -> set[str]:
    """Give the names of the functions that a node may call."""
    named = [value.func.name for value in node.attr.values()]
    listed = [f.name for value in node.attr.values() for f in value.list.func]
    return {node.op, *named, *listed}


def _beyond_the_saver(
    graph: MetaGraphDef, functions: Mapping[str, FunctionDef]
) -> Iterator[NodeDef]:
    """Give the nodes of all functions but those that only the saver calls.

    The saver's calls stand in the graph outside of functions, which TensorFlow 2 does not run.
    """
    library = functions.values()
    called = {name for function in library for node in function.node_def for name in _called(node)}
    public = graph.object_graph_def.concrete_functions
    for name, function in functions.items():
        # TensorFlow may put one function of an interface into the place of another.
        if name in called or name in public or "api_implements" in function.attr:
            yield from function.node_def


def _check_text_tables(
    folder: Path, graph: MetaGraphDef, functions: Mapping[str, FunctionDef]
) -> None:
    """Refuse tables from text files other than the model's own assets.

    A file's name reaches such a table as an argument, from function to function; where no function
    calls further, the argument must be bound to an asset.
    """
    wanted: dict[str, set[int]] = {name: set() for name in functions}
    changed = True
    while changed:
        changed = False
        for name, function in functions.items():
            arguments = [argument.name for argument in function.signature.input_arg]
            for source in _file_names(function, wanted):
                if source not in arguments:
                    raise _refusal(folder, f"{TEXT_TABLE} on a file of its own choice")
                if arguments.index(source) not in wanted[name]:
                    wanted[name].add(arguments.index(source))
                    changed = True
    objects = graph.object_graph_def
    for name, concrete in objects.concrete_functions.items():
        bound = list(concrete.bound_inputs)
        before = len(functions[name].signature.input_arg) - len(bound)
        for index in wanted[name]:
            if index < before or not objects.nodes[bound[index - before]].HasField("asset"):
                raise _refusal(folder, f"{TEXT_TABLE} on a file of its own choice")


def _file_names(function: FunctionDef, wanted: Mapping[str, set[int]]) -> Iterator[str]:
    """Give the tensors that a function takes as names of text files."""
    for node in function.node_def:
        if node.op == TEXT_TABLE:
            yield node.input[1]
            continue
        for callee in _called(node) & wanted.keys():
            for index in wanted[callee]:
                # Other calls than plain ones shift their arguments.
                yield node.input[index] if node.op in {*CALLS, callee} else f"of {node.name}"
