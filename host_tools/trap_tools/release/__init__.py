"""``manul release``: one signed file that holds everything a unit runs, and a base image prepared to take it."""
