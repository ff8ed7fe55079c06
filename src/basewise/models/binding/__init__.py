"""Binding of a protein to DNA in a context: trunks, the adapter behind them, and its heads."""
