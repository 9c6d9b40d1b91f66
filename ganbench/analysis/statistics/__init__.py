"""Statistics over seeds: numpy and scipy on plain arrays, without pandas, torch or metric names.

A trial that failed or diverged comes in as the worst score there is, ``inf`` where lower is better
and ``-inf`` where higher is, and stays in every denominator. ``docs/statistics.md`` says what each
number is, where it is from and how often its interval holds the truth.
"""
