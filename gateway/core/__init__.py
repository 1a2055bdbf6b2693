"""The rule book: pure values and functions over them. Standard library only, no I/O, no clock."""
