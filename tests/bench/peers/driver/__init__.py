"""The driver of the side-by-side bench: starts programs, loads them, reads what they cost, writes it down."""
