"""The data of figures as arrays: cells, facets and curves of single seeds."""
