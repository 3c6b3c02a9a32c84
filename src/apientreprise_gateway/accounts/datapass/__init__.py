"""What DataPass sends, in its two forms, read into events; nothing that it sends makes the reader fail."""
