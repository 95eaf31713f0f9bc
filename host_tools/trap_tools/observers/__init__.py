"""What people say of photographs: verdicts on the audit sample, species, and how far two observers agree."""
