"""Speed of components: pytest-benchmark suites to inherit, which ``ganbench bench`` uses as well."""
