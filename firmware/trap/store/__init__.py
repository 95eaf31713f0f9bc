"""What is never lost: media files and the journal."""
