"""The pages that people look at: one module a page, all in one frame. Each works without JavaScript."""
