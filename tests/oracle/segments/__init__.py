"""TCP segments, drawn at random, and what the kernel's connection tracking makes of each: the judge of podwire's.

``python -m tests.oracle.segments`` asks the kernel (as root) and writes ``recorded.json``; ``test_segments.py`` compares with that.
"""
