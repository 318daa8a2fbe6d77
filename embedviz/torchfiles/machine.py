"""A reader for the pickles in PyTorch weight files that cannot run anything.

A pickle is a program for a small stack machine. This is such a machine without Python's: values
are plain numbers, texts, tuples, lists and dicts, or the inert descriptions of `names`, and
there is no instruction that imports a module, calls an object or sets an attribute. It knows the
instructions that `torch.save` writes at any pickle protocol from 2 on, under Python 2 as well, and
refuses all others. Every instruction costs constant time and memory, and their number is limited.

Source of the format: the comments of Python's `pickletools`.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any

from embedviz.torchfiles import names
from embedviz.torchfiles.operands import RECALL, REMEMBER, VALUES, Source
from embedviz.torchfiles.values import Budget, Refused, Storage

MAX_BYTES = 2**28
_MAX_INSTRUCTIONS = 2_000_000
_INSTRUCTIONS = {ord(opcode.code): opcode.name for opcode in pickletools.opcodes}


def load(source: Source, budget: Budget) -> tuple[Any, dict[str, Storage]]:
    """Read one pickle, leaving `source` right behind it.

    Returns
    -------
    tuple
        The value, in which tensors and arrays are descriptions of `names`, and the storages
        that it refers to, by key.

    Raises
    ------
    Refused
        If the pickle is damaged or holds what no weight file needs.
    """
    machine = _Machine(source, budget)
    for _ in range(_MAX_INSTRUCTIONS):
        instruction = _INSTRUCTIONS.get(source.read(1)[0])
        if instruction is None:
            raise Refused
        if instruction == "STOP":
            return machine.pop(), machine.storages
        machine.step(instruction)
    raise Refused("holds far more than a weight file does; it was not read")


class _Machine:
    def __init__(self, source: Source, budget: Budget) -> None:
        self._source = source
        self._budget = budget
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}

    def step(self, instruction: str) -> None:
        """Carry out one instruction."""
        if read := VALUES.get(instruction):
            self._stack.append(read(self._source))
        elif read := REMEMBER.get(instruction):
            self._memo[read(self._source)] = self._top()
        elif read := RECALL.get(instruction):
            place = read(self._source)
            if place not in self._memo:
                raise Refused
            self._stack.append(self._memo[place])
        elif carry_out := _STEPS.get(instruction):
            carry_out(self)
        elif instruction in ("PROTO", "FRAME"):
            self._source.read(1 if instruction == "PROTO" else 8)
        else:
            self._refuse(instruction)

    def _refuse(self, instruction: str) -> None:
        if instruction == "INST":
            names.look_up(self._source.line(), self._source.line())
        raise Refused(
            f"holds the pickle instruction {instruction}, which no weight file needs; "
            "it was not read"
        )

    def pop(self) -> Any:  # noqa: ANN401 (a pickle's values)
        """Take the value on top."""
        if not self._stack:
            raise Refused
        return self._stack.pop()

    def _top(self) -> Any:  # noqa: ANN401
        if not self._stack:
            raise Refused
        return self._stack[-1]

    def _pop_marked(self) -> list[Any]:
        if not self._marked:
            raise Refused
        items, self._stack = self._stack, self._marked.pop()
        return items

    def _mark(self) -> None:
        self._marked.append(self._stack)
        self._stack = []

    def _drop(self) -> None:
        # Python's machine keeps marks on its stack, so POP may take one off as well.
        if self._stack:
            self._stack.pop()
        else:
            self._pop_marked()

    def _drop_marked(self) -> None:
        self._pop_marked()

    def _duplicate(self) -> None:
        self._stack.append(self._top())

    def _memoize(self) -> None:
        self._memo[len(self._memo)] = self._top()

    def _tuple(self, count: int) -> None:
        items = [self.pop() for _ in range(count)]
        self._stack.append(tuple(reversed(items)))

    def _marked_tuple(self) -> None:
        items = tuple(self._pop_marked())
        self._stack.append(items)

    def _marked_list(self) -> None:
        items = self._pop_marked()
        self._stack.append(items)

    def _marked_dict(self) -> None:
        items = self._pop_marked()
        self._stack.append({})
        self._put(items)

    def _extend(self, items: list[Any]) -> None:
        target = self._top()
        if type(target) is not list:
            raise Refused
        target.extend(items)

    def _put(self, items: list[Any]) -> None:
        target = self._top()
        if type(target) is not dict or len(items) % 2:
            raise Refused
        for key, value in zip(items[::2], items[1::2], strict=True):
            names.put(target, key, value)

    def _append(self) -> None:
        item = self.pop()
        self._extend([item])

    def _set_item(self) -> None:
        value, key = self.pop(), self.pop()
        self._put([key, value])

    def _global(self) -> None:
        module, name = self._source.line(), self._source.line()
        self._stack.append(names.look_up(module, name))

    def _stack_global(self) -> None:
        name, module = self.pop(), self.pop()
        self._stack.append(names.look_up(module, name))

    def _reduce(self) -> None:
        arguments, target = self.pop(), self.pop()
        self._stack.append(names.call(target, arguments, self._budget))

    def _build(self) -> None:
        state = self.pop()
        names.set_state(self._top(), state, self._budget)

    def _refer(self) -> None:
        storage = names.find_storage(self.pop())
        known = self.storages.setdefault(storage.key, storage)
        if (known.kind, known.count) != (storage.kind, storage.count):
            raise Refused("says two things about one storage; it was not read")
        self._stack.append(storage)


_STEPS: dict[str, Callable[[_Machine], None]] = {
    "MARK": _Machine._mark,
    "POP": _Machine._drop,
    "POP_MARK": _Machine._drop_marked,
    "DUP": _Machine._duplicate,
    "MEMOIZE": _Machine._memoize,
    "TUPLE1": lambda machine: machine._tuple(1),
    "TUPLE2": lambda machine: machine._tuple(2),
    "TUPLE3": lambda machine: machine._tuple(3),
    "TUPLE": _Machine._marked_tuple,
    "LIST": _Machine._marked_list,
    "DICT": _Machine._marked_dict,
    "APPEND": _Machine._append,
    "APPENDS": lambda machine: machine._extend(machine._pop_marked()),
    "SETITEM": _Machine._set_item,
    "SETITEMS": lambda machine: machine._put(machine._pop_marked()),
    "GLOBAL": _Machine._global,
    "STACK_GLOBAL": _Machine._stack_global,
    "REDUCE": _Machine._reduce,
    "BUILD": _Machine._build,
    "BINPERSID": _Machine._refer,
}
