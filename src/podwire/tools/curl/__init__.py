"""``curl`` 7.88.1 as Debian 12 has it: HTTP over IPv4, with its texts, exit statuses and clock."""

from __future__ import annotations

from podwire.tools.curl.main import CurlResult, curl

__all__ = ["CurlResult", "curl"]
