"""A fully connected network whose parameters, for one trial or a stack of them, are a flat array.

Layout of `theta: (..., P)`: layer after layer, each a row-major (fan_out, fan_in + 1) block whose
last column is the bias. Samples run along the last axis inside the network, so a hidden layer of a
stack is (R, units, B): every elementwise pass and every sum over units runs along contiguous
memory, and a constant row of ones folds the biases into the matrix products.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from overshoot.core.activations import ACTIVATIONS
from overshoot.core.checks import finite, instance, reals
from overshoot.core.initializers import INITIALIZERS
from overshoot.core.losses import LOSSES
from overshoot.core.names import lookup

CHUNK = 2048
"""Samples evaluated at a time, so that an evaluation's memory does not grow with the data."""

BLOCK = 1 << 22
"""Bytes of activations that a stack of trials may need at a time: more trials pass in several blocks."""


@dataclass(frozen=True)
class Network:
    """Layers of `sizes` units, `activation` on the hidden ones, and a `loss` on the last.

    sizes: units of each layer, inputs first; (d, 1) with "half_mse" is linear regression and with
        "binary_cross_entropy" logistic regression.
    activation: a name in `core.ACTIVATIONS`.
    loss: a name in `core.LOSSES`; each brings its own output function.
    initializer: a name in `core.INITIALIZERS`; biases start at zero.

    Raises ValueError for unknown names, fewer than two layers or a layer without units.
    """

    sizes: tuple[int, ...]
    activation: str = "relu"
    loss: str = "half_mse"
    initializer: str = "glorot"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", _whole(self.sizes))
        lookup(ACTIVATIONS, self.activation, "activation")
        lookup(LOSSES, self.loss, "loss")
        lookup(INITIALIZERS, self.initializer, "initializer")
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise ValueError(f"sizes must be two or more layers of at least one unit, got {self.sizes}")
        if self.sizes[-1] < LOSSES[self.loss].outputs:
            fewest = LOSSES[self.loss].outputs
            raise ValueError(f"{self.loss} needs at least {fewest} outputs, got {self.sizes[-1]}")

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(fan_out, fan_in + 1) of each layer."""
        return tuple((o, i + 1) for i, o in zip(self.sizes[:-1], self.sizes[1:], strict=True))

    @cached_property
    def size(self) -> int:
        """P, the number of parameters."""
        return sum(o * i for o, i in self.shapes)

    @cached_property
    def spans(self) -> tuple[slice, ...]:
        """Where each layer lies in theta."""
        ends = [0, *accumulate(o * i for o, i in self.shapes)]
        return tuple(slice(start, end) for start, end in pairwise(ends))

    def layers(self, theta: np.ndarray) -> list[np.ndarray]:
        """Views of `theta: (R, P)`: for each layer (R, fan_out, fan_in + 1), the bias last."""
        return [
            theta[:, span].reshape(-1, o, i) for span, (o, i) in zip(self.spans, self.shapes, strict=True)
        ]

    def init(self, rng: np.random.Generator) -> np.ndarray:
        """Initial parameters (P,), float64."""
        instance("rng", rng, np.random.Generator)
        theta = np.zeros((1, self.size))
        draw = INITIALIZERS[self.initializer].draw
        for layer in self.layers(theta):
            layer[0, :, :-1] = draw(rng, layer.shape[2] - 1, layer.shape[1])
        return theta[0]

    def loss_and_grad(self, theta: ArrayLike, X: ArrayLike, Y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Loss and gradient of the mean over all samples.

        theta: (P,) or (R, P), float64 or float32; X: (n, d); Y: (n, k) or, for one output, (n,);
        for softmax_cross_entropy one-hot (n, k) or class numbers (n,). Returns the loss, () or
        (R,) float64, and the gradient, shaped like theta. Raises ValueError when shapes disagree.
        """
        stack = self._stack(theta)
        batch = self.data(X, Y, stack.dtype)
        grad = np.empty_like(stack)
        with np.errstate(all="ignore"):
            Passes(self, len(stack), batch.size, stack.dtype).gradient(stack, lambda rows: batch, grad)
        return self.evaluate(stack, batch).reshape(np.shape(theta)[:-1]), grad.reshape(np.shape(theta))

    def predict(self, theta: ArrayLike, X: ArrayLike) -> np.ndarray:
        """Predictions (n, k) or (R, n, k): values, probabilities of class 1, or of each class."""
        stack = self._stack(theta)
        rows = self._rows(X, stack.dtype)
        outputs = np.empty((len(stack), rows.shape[1], self.sizes[-1]), stack.dtype)
        samples = Batch(rows, outputs[:1])  # a forward pass looks at no target
        start = 0
        with np.errstate(all="ignore"):
            for part in samples.chunks(CHUNK):
                for trials, z in Passes(self, len(stack), part.size, stack.dtype, False).outputs(stack, part):
                    LOSSES[self.loss].output(z)
                    outputs[trials, start : start + part.size] = z.swapaxes(1, 2)
                start += part.size
        return outputs.reshape(*np.shape(theta)[:-1], *outputs.shape[1:])

    def evaluate(self, theta: np.ndarray, data: Batch) -> np.ndarray:
        """Loss (R,) float64 of each trial in `theta: (R, P)` over all of `data`."""
        instance("data", data, Batch)
        theta = self._stack(theta)
        loss = LOSSES[self.loss]
        total = np.zeros(len(theta))
        with np.errstate(all="ignore"):
            for part in data.chunks(CHUNK):
                for trials, z in Passes(self, len(theta), part.size, theta.dtype, False).outputs(theta, part):
                    total[trials] += loss.total(z, part.Y)
            return loss.reduce(total / data.size)

    def targets(self, Y: ArrayLike) -> np.ndarray:
        """Y as float (n, k): class numbers become one-hot rows, a vector a column."""
        Y = finite("Y", Y)
        k = self.sizes[-1]
        kind = LOSSES[self.loss].targets
        if kind == "classes" and Y.ndim == 1:
            if not np.isin(Y, np.arange(k)).all():
                raise ValueError(f"class numbers must be whole and lie in 0..{k - 1}")
            return np.eye(k)[Y.astype(int)]
        Y = Y[:, None] if Y.ndim == 1 else Y
        if Y.ndim != 2 or Y.shape[1] != k:
            raise ValueError(f"Y must be (n, {k}) for a network with {k} outputs, got {Y.shape}")
        if kind != "real" and not np.all((Y >= 0) & (Y <= 1)):
            raise ValueError(f"Y must lie between 0 and 1 for {self.loss}")
        if kind == "classes" and not np.allclose(Y.sum(axis=1), 1):
            raise ValueError(
                f"each row of Y must sum to one for {self.loss}: a one-hot row, or probabilities"
            )
        return Y

    def data(self, X: ArrayLike, Y: ArrayLike, dtype: np.typing.DTypeLike = np.float64) -> Batch:
        """X (n, d) and Y (n,) or (n, k) as one batch of this network; ValueError on a mismatch."""
        rows, targets = self._rows(X, dtype), finite("Y", self.targets(Y), dtype)
        if rows.shape[1] != len(targets):
            raise ValueError(
                f"X must have a row for each of the {len(targets)} targets, got {rows.shape[1]} rows"
            )
        return Batch(rows, np.asfortranarray(targets)[None])  # a loss looks at one output after the other

    def _rows(self, X: ArrayLike, dtype: np.typing.DTypeLike) -> np.ndarray:
        """(1, n, d + 1): the inputs and a one for the bias."""
        X = finite("X", X, dtype)
        if X.ndim != 2 or X.shape[1] != self.sizes[0] or len(X) == 0:
            raise ValueError(f"X must be (n, {self.sizes[0]}) with at least one row, got {X.shape}")
        return np.hstack([X, np.ones((len(X), 1), X.dtype)])[None]

    def _stack(self, theta: ArrayLike) -> np.ndarray:
        """`theta` as (R, P) of floats; ValueError when it does not fit the network."""
        stack = np.atleast_2d(reals("theta", theta))
        if stack.dtype not in (np.float32, np.float64):
            stack = stack.astype(np.float64)
        if stack.ndim != 2 or stack.shape[1] != self.size or not len(stack):
            raise ValueError(f"theta must be ({self.size},) or (R, {self.size}), got {np.shape(theta)}")
        return stack


def _whole(sizes: Any) -> tuple[int, ...]:
    try:
        if isinstance(sizes, str | bytes):
            raise TypeError
        reals("sizes", sizes)
        whole = tuple(int(size) for size in sizes)
        exact = whole == tuple(sizes)
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact:
        raise ValueError(f"sizes must be whole numbers of units, one for each layer, got {sizes!r}")
    return whole


@dataclass(frozen=True)
class Batch:
    """Samples for a stack: the trials share them (leading axis 1) or have their own (R).

    rows: (1 or R, B, d + 1), the inputs and a one for the bias; targets: (1 or R, B, k).
    """

    rows: np.ndarray
    targets: np.ndarray

    @property
    def size(self) -> int:
        return self.rows.shape[1]

    @property
    def X(self) -> np.ndarray:
        """(1 or R, d + 1, B), a view."""
        return self.rows.swapaxes(1, 2)

    @property
    def Y(self) -> np.ndarray:
        """(1 or R, k, B), a view."""
        return self.targets.swapaxes(1, 2)

    def take(self, index: np.ndarray) -> Batch:
        """The samples numbered `index: (1 or R, B)` of data that all trials share."""
        targets = self.Y[0].take(index, axis=1)  # (k, 1 or R, B)
        return Batch(self.rows[0].take(index, axis=0), targets.transpose(1, 2, 0))

    def part(self, cut: slice) -> Batch:
        """The samples of a stretch, as views."""
        return Batch(self.rows[:, cut], self.targets[:, cut])

    def chunks(self, size: int) -> list[Batch]:
        """The same samples in parts of at most `size`, in order."""
        return [self.part(slice(i, i + size)) for i in range(0, self.size, size)]


class Passes:
    """Forward and backward passes of R trials over B samples, in buffers that are used again.

    The trials pass in blocks whose buffers fit `BLOCK` bytes (a block is at least one trial). Much
    larger blocks would leave the processor's cache, much smaller ones leave it idle.

    Each trial has its own product, also with a batch that all share: a single product of all their
    weights with it would be up to a fifth faster, but BLAS rounds a row by where in the matrix it lies.
    """

    def __init__(self, net: Network, R: int, B: int, dtype: np.typing.DTypeLike, backward: bool = True):
        self.net = net
        self.activation = ACTIVATIONS[net.activation]
        self.delta_of_loss = LOSSES[net.loss].delta
        units = net.sizes[1:-1]
        values = B * (sum(net.sizes) + (sum(units) if backward else 0))  # inputs, outputs, deltas
        most = max(1, BLOCK // (values * np.dtype(dtype).itemsize))
        trials = -(-R // -(-R // most))  # in blocks of one size, but for the last
        # One row more than the layer has units: ones, which multiply the next layer's biases.
        hidden = [np.ones((trials, u + 1, B), dtype) for u in units]
        deltas = [np.empty((trials, u, B), dtype) for u in units] if backward else []
        logits = _outputs(trials, net.sizes[-1], B, dtype)
        self.blocks = [
            _Block(slice(i, i + n), [h[:n] for h in hidden], [d[:n] for d in deltas], logits[:n])
            for i, n in ((i, min(trials, R - i)) for i in range(0, R, trials))
        ]

    def outputs(self, theta: np.ndarray, batch: Batch) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of trials and their logits (trials, k, B), valid until the next block."""
        for block in self.blocks:
            yield block.trials, self._forward(block, self.net.layers(theta[block.trials]), batch)

    def gradient(self, theta: np.ndarray, batch_of: Callable[[slice], Batch], out: np.ndarray) -> None:
        """out (R, P) <- gradient of the mean loss over the batch that `batch_of` gives each block."""
        for block in self.blocks:
            layers, grads = self.net.layers(theta[block.trials]), self.net.layers(out[block.trials])
            self._gradient(block, layers, batch_of(block.trials), grads)

    def _forward(self, block: _Block, layers: list[np.ndarray], batch: Batch) -> np.ndarray:
        inputs = batch.X
        for W, a, h in zip(layers[:-1], block.activations, block.hidden, strict=True):
            np.matmul(W, inputs, out=a)
            self.activation.apply(a)
            inputs = h
        return np.matmul(layers[-1], inputs, out=block.logits)

    def _gradient(
        self, block: _Block, layers: list[np.ndarray], batch: Batch, grads: list[np.ndarray]
    ) -> None:
        delta = self._forward(block, layers, batch)
        self.delta_of_loss(delta, batch.Y)
        for i in range(len(layers) - 1, 0, -1):
            outer(delta, block.transposed[i - 1], grads[i])
            below = np.matmul(layers[i][:, :, :-1].swapaxes(1, 2), delta, out=block.deltas[i - 1])
            self.activation.backward(block.activations[i - 1], below)
            delta = below
        outer(delta, batch.rows, grads[0])


class _Block:
    """A block of n trials, and what they have of each buffer.

    hidden: (n, units + 1, B) of each hidden layer, with ones in the last row; deltas: (n, units, B);
    logits: (n, k, B).
    """

    def __init__(self, trials: slice, hidden: list[np.ndarray], deltas: list[np.ndarray], logits: np.ndarray):
        self.trials, self.hidden, self.deltas, self.logits = trials, hidden, deltas, logits
        self.activations = [h[:, :-1] for h in hidden]
        self.transposed = [h.swapaxes(1, 2) for h in hidden]


def _outputs(R: int, k: int, B: int, dtype: np.typing.DTypeLike) -> np.ndarray:
    """Memory for logits (R, k, B), in which an output's values for all trials lie side by side.

    A maximum or a sum over the outputs then runs along contiguous memory. With a single sample it
    would be summed in another order for one trial than for several, so there the trials come first.
    """
    return np.empty((R, k, B), dtype) if B == 1 else np.empty((k, R, B), dtype).swapaxes(0, 1)


def outer(delta: np.ndarray, inputs: np.ndarray, out: np.ndarray) -> None:
    """out <- delta inputs: (R, o, B) x (R, B, i). NumPy has no fast product for the case B = 1."""
    if delta.shape[2] == 1:
        np.einsum("rob,rbi->roi", delta, inputs, out=out)
    else:
        np.matmul(delta, inputs, out=out)
