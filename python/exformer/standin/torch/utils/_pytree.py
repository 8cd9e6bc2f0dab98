"""torch.utils._pytree: nested containers as a flat list of leaves and a spec, and the spec's text."""

import dataclasses
import json
from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any, NamedTuple


class NodeDef(NamedTuple):
    type: type
    flatten_fn: Any
    unflatten_fn: Any
    flatten_with_keys_fn: Any = None


class _SerializeNodeDef(NamedTuple):
    serialized_type_name: str
    to_dumpable_context: Any
    from_dumpable_context: Any


SUPPORTED_NODES = {}
SUPPORTED_SERIALIZED_TYPES = {}
SERIALIZED_TYPE_TO_PYTHON_TYPE = {}


@dataclasses.dataclass(frozen=True)
class SequenceKey:
    idx: int

    def __str__(self):
        return f"[{self.idx!r}]"


@dataclasses.dataclass(frozen=True)
class MappingKey:
    key: Any

    def __str__(self):
        return f"[{self.key!r}]"


@dataclasses.dataclass(frozen=True)
class GetAttrKey:
    name: str

    def __str__(self):
        return f".{self.name}"


class TreeSpec:
    def __init__(self, type, context, children_specs):
        self.type, self.context, self.children_specs = type, context, list(children_specs)
        self.num_leaves = sum(child.num_leaves for child in self.children_specs) if type is not None else 1
        self.num_children = len(self.children_specs)

    def is_leaf(self):
        return self.type is None

    def __eq__(self, other):
        return (isinstance(other, TreeSpec) and self.type is other.type and self.context == other.context
                and self.children_specs == other.children_specs)

    def __hash__(self):
        return hash((self.type, self.num_leaves))

    def __repr__(self):
        return "*" if self.is_leaf() else f"TreeSpec({self.type.__name__}, {self.context}, {self.children_specs})"

    def children(self):
        return self.children_specs

    def unflatten(self, leaves):
        return tree_unflatten(leaves, self)


class LeafSpec(TreeSpec):
    def __init__(self):
        super().__init__(None, None, [])


def register_pytree_node(cls, flatten_fn, unflatten_fn, *, serialized_type_name=None, to_dumpable_context=None,
                         from_dumpable_context=None, flatten_with_keys_fn=None, **kwargs):
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn, flatten_with_keys_fn)
    name = serialized_type_name or f"{cls.__module__}.{cls.__qualname__}"
    SUPPORTED_SERIALIZED_TYPES[cls] = _SerializeNodeDef(name, to_dumpable_context, from_dumpable_context)
    SERIALIZED_TYPE_TO_PYTHON_TYPE[name] = cls


_register_pytree_node = register_pytree_node


def register_dataclass(cls, *args, **kwargs):
    names = [field.name for field in dataclasses.fields(cls)]

    def flatten(value):
        kept = [name for name in names if getattr(value, name) is not None]
        return [getattr(value, name) for name in kept], kept

    register_pytree_node(cls, flatten, lambda values, kept: cls(**dict(zip(kept, values))))


def _register(cls, name, flatten, unflatten, keys=None, to_dumpable=None):
    register_pytree_node(cls, flatten, unflatten, serialized_type_name=name, flatten_with_keys_fn=keys,
                         to_dumpable_context=to_dumpable)


def _sequence_keys(value):
    return [(SequenceKey(i), item) for i, item in enumerate(value)], None


def _dict_flatten_with_keys(value):
    return [(MappingKey(key), item) for key, item in value.items()], list(value)


_register(tuple, "builtins.tuple", lambda v: (list(v), None), lambda v, c: tuple(v), _sequence_keys)
_register(list, "builtins.list", lambda v: (v, None), lambda v, c: list(v), _sequence_keys)
_register(dict, "builtins.dict", lambda v: (list(v.values()), list(v)), lambda v, c: dict(zip(c, v)),
          _dict_flatten_with_keys)
_register(OrderedDict, "collections.OrderedDict", lambda v: (list(v.values()), list(v)),
          lambda v, c: OrderedDict(zip(c, v)), _dict_flatten_with_keys)
_register(deque, "collections.deque", lambda v: (list(v), v.maxlen), lambda v, c: deque(v, maxlen=c), _sequence_keys)
_register(defaultdict, "collections.defaultdict", lambda v: (list(v.values()), [v.default_factory, list(v)]),
          lambda v, c: defaultdict(c[0], zip(c[1], v)))
_register(namedtuple, "collections.namedtuple", lambda v: (list(v), type(v)), lambda v, c: c(*v))


def _is_namedtuple(value):
    return isinstance(value, tuple) and hasattr(value, "_fields") and type(value) is not tuple


def _node_type(tree):
    kind = type(tree)
    if kind not in SUPPORTED_NODES and _is_namedtuple(tree):
        return namedtuple
    return kind


def _is_leaf(tree, is_leaf=None):
    return _node_type(tree) not in SUPPORTED_NODES or (is_leaf is not None and is_leaf(tree))


def tree_flatten(tree, is_leaf=None):
    leaves = []

    def visit(node):
        if _is_leaf(node, is_leaf):
            leaves.append(node)
            return LeafSpec()
        kind = _node_type(node)
        children, context = SUPPORTED_NODES[kind].flatten_fn(node)
        return TreeSpec(kind, context, [visit(child) for child in children])

    return leaves, visit(tree)


def tree_unflatten(leaves, treespec):
    iterator = iter(leaves)

    def build(spec):
        if spec.is_leaf():
            return next(iterator)
        return SUPPORTED_NODES[spec.type].unflatten_fn([build(child) for child in spec.children_specs], spec.context)

    return build(treespec)


def tree_leaves(tree, is_leaf=None):
    return tree_flatten(tree, is_leaf)[0]


tree_iter = tree_leaves


def tree_structure(tree, is_leaf=None):
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func, tree, *rests, is_leaf=None):
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [tree_flatten(rest, is_leaf)[0] for rest in rests]
    return tree_unflatten([func(*values) for values in zip(leaves, *others)], spec)


def tree_map_only(kinds, func, tree, is_leaf=None):
    return tree_map(lambda leaf: func(leaf) if isinstance(leaf, kinds) else leaf, tree, is_leaf=is_leaf)


def tree_any(predicate, tree, is_leaf=None):
    return any(map(predicate, tree_leaves(tree, is_leaf)))


def tree_all(predicate, tree, is_leaf=None):
    return all(map(predicate, tree_leaves(tree, is_leaf)))


def tree_flatten_with_path(tree, is_leaf=None):
    found = []

    def visit(node, path):
        if _is_leaf(node, is_leaf):
            found.append((tuple(path), node))
            return LeafSpec()
        kind = _node_type(node)
        definition = SUPPORTED_NODES[kind]
        if definition.flatten_with_keys_fn is not None:
            keyed, context = definition.flatten_with_keys_fn(node)
        else:
            children, context = definition.flatten_fn(node)
            keyed = [(SequenceKey(i), child) for i, child in enumerate(children)]
        return TreeSpec(kind, context, [visit(child, [*path, key]) for key, child in keyed])

    spec = visit(tree, [])
    return found, spec


def tree_map_with_path(func, tree, *rests, is_leaf=None):
    keyed, spec = tree_flatten_with_path(tree, is_leaf)
    return tree_unflatten([func(path, leaf) for path, leaf in keyed], spec)


def keystr(path):
    return "".join(str(key) for key in path)


class _Encoder(json.JSONEncoder):
    def default(self, value):
        if hasattr(value, "value"):
            return value.value
        return super().default(value)


def _to_schema(spec):
    if spec.is_leaf():
        return {"type": None, "context": None, "children_spec": []}
    definition = SUPPORTED_SERIALIZED_TYPES[spec.type]
    if definition.to_dumpable_context is None:
        context = json.dumps(spec.context, cls=_Encoder)
    else:
        context = definition.to_dumpable_context(spec.context)
    return {"type": definition.serialized_type_name, "context": context,
            "children_spec": [_to_schema(child) for child in spec.children_specs]}


def treespec_dumps(treespec, protocol=None):
    return json.dumps((1, _to_schema(treespec)))


def treespec_loads(serialized):
    protocol, schema = json.loads(serialized)

    def build(node):
        if node["type"] is None:
            return LeafSpec()
        kind = SERIALIZED_TYPE_TO_PYTHON_TYPE[node["type"]]
        read = SUPPORTED_SERIALIZED_TYPES[kind].from_dumpable_context or json.loads
        return TreeSpec(kind, read(node["context"]), [build(child) for child in node["children_spec"]])

    return build(schema)
