"""What comes of a run: its summary, and the predictions, pictures, timelines, motifs and texts in its folder."""
