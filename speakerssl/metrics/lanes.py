"""Sixteen bootstrap draws at a time: what a trial adds to each, in the vector registers of the processor.

The compiler behind numba does not turn loops over so few lanes into vector instructions by itself (it did in some
versions and on some processors), so these operations are written as vectors. They know nothing of bounds.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from speakerssl.kernels import intrinsic, njit

LANES = 16
MOST = 1 << 15  # trials of 255 * 255 copies each whose sum fits 32 bits


def _vector(bits: int) -> ir.VectorType:
    return ir.VectorType(ir.IntType(bits), LANES)


def _pointer(context: Any, builder: Any, array: Any, value: Any, position: Any, vector: ir.VectorType) -> Any:
    """The address of the LANES numbers of `array` from `position` on."""
    data = context.make_array(array)(context, builder, value).data
    return builder.bitcast(builder.gep(data, [position]), vector.as_pointer())


def _place(context: Any, builder: Any, signature: Any, args: Any, vector: ir.VectorType) -> Any:
    """The address of the LANES numbers of the first argument."""
    return _pointer(context, builder, signature.args[0], args[0], context.get_constant(types.uint64, 0), vector)


def _product(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The products, 32 bits each, of the numbers of the second argument at the third and the fourth."""
    rows = [_pointer(context, builder, signature.args[1], args[1], at, _vector(8)) for at in args[2:4]]
    wide = [builder.zext(builder.load(row, align=1), _vector(16)) for row in rows]
    return builder.zext(builder.mul(*wide), _vector(32))  # 255 * 255 fits 16 bits


def _plain_add(total: np.ndarray, copies: np.ndarray, first: int, second: int, loss: float = 1) -> None:
    """`_add_product` and `_add_loss` where nothing is compiled."""
    one, other = (copies.reshape(-1)[int(at) : int(at) + LANES].astype(np.int32) for at in (first, second))
    total += (one * other * loss).astype(total.dtype)


@intrinsic(_plain_add)
def _add_product(
    _typing: object, total: types.Array, copies: types.Array, first: types.Integer, second: types.Integer
) -> object:
    """Adds the products of the LANES numbers of `copies` from `first` and from `second` on to `total` (int32)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature, args, _vector(32))
        product = _product(context, builder, signature, args)
        builder.store(builder.add(builder.load(place, align=4), product), place, align=4)
        return context.get_dummy_value()

    return types.void(total, copies, types.uint64, types.uint64), generate


@intrinsic(_plain_add)
def _add_loss(
    _typing: object, total: types.Array, copies: types.Array, first: types.Integer, second: types.Integer,
    loss: types.Float,
) -> object:  # fmt: skip
    """Adds the products of the LANES numbers from `first` and from `second` on, times `loss`, to `total` (float64)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        doubles = ir.VectorType(ir.DoubleType(), LANES)
        product = builder.uitofp(_product(context, builder, signature, args), doubles)
        each = ir.Constant(doubles, [0.0] * LANES)
        for lane in range(LANES):
            each = builder.insert_element(each, args[4], ir.IntType(32)(lane))
        place = _place(context, builder, signature, args, doubles)
        builder.store(builder.fadd(builder.load(place, align=8), builder.fmul(product, each)), place, align=8)
        return context.get_dummy_value()

    return types.void(total, copies, types.uint64, types.uint64, types.float64), generate


@njit
def add_products(
    copies: np.ndarray, enrol: np.ndarray, test: np.ndarray, begin: int, end: int, own: np.ndarray, total: np.ndarray
) -> None:
    """Adds the products of copies of the trials `begin` to `end` to `total` (int64 [LANES]).

    `copies` holds LANES numbers (uint8) a speaker, one speaker after the other. `own` (int32 [2, LANES]) is room for
    two sums that need not wait for each other.
    """
    one, other = own[0], own[1]
    lanes = np.uint64(LANES)
    for first in range(begin, end, MOST):
        stop = min(first + MOST, end)
        own[:] = 0
        for trial in range(first, stop - 1, 2):
            _add_product(one, copies, np.uint64(enrol[trial]) * lanes, np.uint64(test[trial]) * lanes)
            _add_product(other, copies, np.uint64(enrol[trial + 1]) * lanes, np.uint64(test[trial + 1]) * lanes)
        if (stop - first) % 2:
            _add_product(one, copies, np.uint64(enrol[stop - 1]) * lanes, np.uint64(test[stop - 1]) * lanes)
        for lane in range(LANES):
            total[lane] += np.int64(one[lane]) + np.int64(other[lane])


@njit
def add_losses(copies: np.ndarray, enrol: np.ndarray, test: np.ndarray, losses: np.ndarray, total: np.ndarray) -> None:
    """Adds the losses of pairs of speakers, each times the pair's copies, to `total` (float64 [LANES]), in order."""
    for pair in range(losses.size):
        first, second = np.uint64(enrol[pair]) * np.uint64(LANES), np.uint64(test[pair]) * np.uint64(LANES)
        _add_loss(total, copies, first, second, losses[pair])
