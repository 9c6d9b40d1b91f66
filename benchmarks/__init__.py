"""Speed and memory of every component: ``pytest benchmarks --benchmark-only``, or ``make bench``.

Nothing here asserts a time. Rates and ratios are in each benchmark's ``extra_info``, which
``--benchmark-json=FILE`` keeps.
"""
