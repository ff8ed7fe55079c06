"""How well binding is predicted, beside what predicts it without a model."""
