"""Training of binding: windows of peaks or bins of signals, pairs, a loop, a checkpoint."""
