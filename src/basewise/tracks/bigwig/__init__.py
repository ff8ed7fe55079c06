"""bigWig files: our own streaming writer, in constant memory, and a small reader beside it."""
