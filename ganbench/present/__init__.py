"""Results as people read them: columns, text, tables, Markdown, LaTeX (torch-free)."""
