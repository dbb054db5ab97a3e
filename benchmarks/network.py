"""A network that is really trained, in numpy: its checkpoints are what people store.

Decoupled weight decay after Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
"""

import itertools
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

Floats = NDArray[np.float32]

_HIDDEN_LAYERS = 4
_CLASSES = 10
_BATCH = 128
_DECAY = np.float32(0.01)
_FIRST, _SECOND, _LEAST = np.float32(0.9), np.float32(0.999), np.float32(1e-8)
_LEARNING_RATE, _FINE_TUNING_RATE = np.float32(1e-4), np.float32(1e-5)
_FIRST_STEPS, _STEPS_BETWEEN = 200, 30


@dataclass
class _Moments:
    """What AdamW keeps of a parameter's gradients."""

    first: Floats
    second: Floats


@dataclass
class Network:
    """A classifier of handwritten digits: ReLU layers, softmax; weights and biases by layer."""

    width: int
    seed: int = 0
    parameters: dict[str, Floats] = field(init=False)
    moments: dict[str, _Moments] = field(init=False)

    def __post_init__(self) -> None:
        """Draw the weights as He et al. do."""
        self._rng = np.random.default_rng(self.seed)
        found = load_digits()
        self._inputs = (found.data / 16).astype(np.float32)
        self._classes = found.target
        sizes = [self._inputs.shape[1], *[self.width] * _HIDDEN_LAYERS, _CLASSES]
        self.parameters = {}
        for layer, (inward, outward) in enumerate(itertools.pairwise(sizes)):
            drawn = self._rng.standard_normal((inward, outward), np.float32)
            self.parameters[f"{layer}.weight"] = drawn * np.float32(np.sqrt(2 / inward))
            self.parameters[f"{layer}.bias"] = np.zeros(outward, np.float32)
        self.moments = {
            name: _Moments(np.zeros_like(each), np.zeros_like(each))
            for name, each in self.parameters.items()
        }
        self._steps = 0

    @property
    def head(self) -> frozenset[str]:
        """Return the names of the last layer's parameters."""
        return frozenset({f"{_HIDDEN_LAYERS}.weight", f"{_HIDDEN_LAYERS}.bias"})

    def train(self, steps: int, rate: np.float32, only: frozenset[str] | None = None) -> None:
        """Take so many steps of AdamW; `only` names the parameters that are not frozen."""
        for _ in range(steps):
            chosen = self._rng.integers(0, len(self._inputs), _BATCH)
            gradients = self._gradients(self._inputs[chosen], self._classes[chosen])
            self._steps += 1
            for name, gradient in gradients.items():
                if only is None or name in only:
                    self._update(name, gradient, rate)

    def _gradients(self, inputs: Floats, classes: NDArray[np.int64]) -> dict[str, Floats]:
        """Return the gradients of the mean cross entropy."""
        activations = [inputs]
        for layer in range(_HIDDEN_LAYERS + 1):
            sums = activations[-1] @ self.parameters[f"{layer}.weight"]
            sums += self.parameters[f"{layer}.bias"]
            activations.append(np.maximum(sums, 0) if layer < _HIDDEN_LAYERS else sums)
        scores = activations.pop()
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        error = likely / likely.sum(axis=1, keepdims=True)
        error[np.arange(len(classes)), classes] -= 1
        error /= np.float32(len(classes))
        gradients = {}
        for layer in reversed(range(_HIDDEN_LAYERS + 1)):
            gradients[f"{layer}.weight"] = activations[layer].T @ error
            gradients[f"{layer}.bias"] = error.sum(axis=0)
            error = (error @ self.parameters[f"{layer}.weight"].T) * (activations[layer] > 0)
        return gradients

    def _update(self, name: str, gradient: Floats, rate: np.float32) -> None:
        moments = self.moments[name]
        moments.first += (1 - _FIRST) * (gradient - moments.first)
        moments.second += (1 - _SECOND) * (gradient * gradient - moments.second)
        first = moments.first / (1 - _FIRST**self._steps)
        second = moments.second / (1 - _SECOND**self._steps)
        self.parameters[name] *= 1 - rate * _DECAY
        self.parameters[name] -= rate * first / (np.sqrt(second) + _LEAST)


def fine_tuned(width: int, versions: int, seed: int, *, frozen: bool) -> Iterator[Network]:
    """Yield a network as it is after each part of a fine-tuning; `frozen`: of its last layer."""
    network = Network(width, seed)
    network.train(_FIRST_STEPS, _LEARNING_RATE)
    for _ in range(versions):
        network.train(_STEPS_BETWEEN, _FINE_TUNING_RATE, network.head if frozen else None)
        yield network


def checkpoint(network: Network, *, states: bool = False, bfloat16: bool = False) -> bytes:
    """Return a safetensors file of the weights; `states`: with what the optimiser keeps."""
    tensors: dict[str, NDArray[np.generic]] = dict(network.parameters)
    if bfloat16:
        return safetensors("BF16", {name: _bfloat16(each) for name, each in tensors.items()})
    if states:
        for name, moments in network.moments.items():
            tensors[f"{name}.exp_avg"] = moments.first
            tensors[f"{name}.exp_avg_sq"] = moments.second
    return safetensors("F32", tensors)


def _bfloat16(values: NDArray[np.generic]) -> NDArray[np.uint16]:
    """Return the upper halves of floats, rounded to the nearest, to even ones in the middle."""
    bits = values.view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (rounded >> np.uint32(16)).astype(np.uint16)


def safetensors(dtype: str, tensors: Mapping[str, NDArray[np.generic]]) -> bytes:
    """Return a safetensors file of tensors of one type."""
    header, at = {}, 0
    for name, tensor in tensors.items():
        end = at + tensor.nbytes
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [at, end]}
        at = end
    described = json.dumps(header).encode()
    contents = (tensor.tobytes() for tensor in tensors.values())
    return struct.pack("<Q", len(described)) + described + b"".join(contents)
