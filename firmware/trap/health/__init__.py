"""What a unit knows of itself: vitals, versions, the summary of one screen."""
