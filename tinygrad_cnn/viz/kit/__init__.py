"""What all pages share: one HTML file with everything in it, its scripts and styles, and a server of this machine."""
