"""The tests, mirroring the tree; `house` holds the rules of the house, `demo` and `bench` are programs of their own."""
