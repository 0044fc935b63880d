"""Everything outside the machines: virtual time, cables, segments and clouds."""
