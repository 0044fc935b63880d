"""Cases that hypothesis draws, and what two kernels make of them."""

from tests.oracle.generated.campaign import find_disagreement

__all__ = ["find_disagreement"]
