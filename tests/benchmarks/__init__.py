"""Benchmarks, run by ``python -m tests.benchmarks``; ``docs/benchmarks.md`` says what they mean."""
