"""What field staff do at a unit: check, aim, deploy, summary, pull, and the screen that does it all."""
