"""Honest statistics on arrays: pure functions, no I/O, frozen results, every resampling seeded.

Each module is one subject, and nothing is loaded before it is imported, as scipy is not light.
Differences are always ``a - b``; whether more is better is for the caller to say.
"""
