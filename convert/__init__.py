"""Limen on the workstation: where models come from, how they are quantized, and the proof that nothing was lost."""
