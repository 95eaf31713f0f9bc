"""Stands for pidng, which only raw DNG files need."""
