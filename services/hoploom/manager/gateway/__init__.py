"""The way in for workers that reach a manager only: relays what they ask of the input and output services."""
