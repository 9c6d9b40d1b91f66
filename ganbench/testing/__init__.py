"""What plugin authors can test with: suites to inherit, and synthetic run folders."""
