"""Matrix products stay below the size at which the matrix library takes a second thread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from roialign_cli import roi_align
from roialign_cli.core.products import multiply

RANDOM = np.random.default_rng(0)


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Return what the products that are made will be: multiplications, and the shorter side."""
    made: list[tuple[int, int]] = []
    matmul = np.matmul

    def recording(left: Any, right: Any, **more: Any) -> Any:
        (m, k), n = left.shape[-2:], right.shape[-1]
        made.append((m * k * n, min(m, n)))
        return matmul(left, right, **more)

    monkeypatch.setattr(np, "matmul", recording)
    return made


def assert_one_thread(products: list[tuple[int, int]]) -> None:
    assert products
    # OpenBLAS 0.3: interface/gemm.c and gemv.c.
    assert all(size <= (2**18 if shorter > 1 else 2304 * 4) for size, shorter in products)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((8, 40), (40, 12 * 256)),
        ((7, 2000, 90), (90, 7)),
        ((5, 90), (3, 90, 1111)),
        ((1, 100), (100, 30000)),
        ((30000, 100), (100, 1)),
        ((4, 4), (4, 4)),
    ],
)
def test_a_large_product_is_made_in_parts(
    left: tuple[int, ...], right: tuple[int, ...], products: list[tuple[int, int]]
) -> None:
    one, other = RANDOM.normal(size=left), RANDOM.normal(size=right)
    expected = np.einsum("...ij,...jk->...ik", one, other)
    np.testing.assert_allclose(multiply(one, other), expected, atol=1e-9)
    out = np.empty(expected.shape)
    assert multiply(one, other, out) is out
    np.testing.assert_allclose(out, expected, atol=1e-9)
    assert_one_thread(products)


@pytest.mark.parametrize("pooling_rule", ["avg", "max"])
@pytest.mark.parametrize("output_size", [1, 7])
def test_pooling_large_windows_of_many_channels(
    pooling_rule: str, output_size: int, products: list[tuple[int, int]]
) -> None:
    features = RANDOM.normal(size=(300, 60, 70)).astype(np.float32)
    call: dict[str, Any] = {"convention": "torchvision", "pooling": pooling_rule}
    out = roi_align(features, [[1, 1, 66, 55]], output_size, **call)
    assert_one_thread(products)
    few = [roi_align(features[c], [[1, 1, 66, 55]], output_size, **call)[0, 0] for c in (0, 299)]
    np.testing.assert_allclose(out[0, [0, 299]], few, atol=1e-4)
