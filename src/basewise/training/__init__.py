"""Training: labelled windows, a loss, a loop. The same encode and logits that inference runs."""
