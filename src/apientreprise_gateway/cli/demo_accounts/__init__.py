"""The filled accounts of a demonstration: invented people and bodies, what they asked for, and what came of it."""
