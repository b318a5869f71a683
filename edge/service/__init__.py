"""What surrounds the flow: the live preview, measuring, and trying it out."""
