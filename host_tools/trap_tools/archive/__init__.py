"""What came home: a folder of units and deployments, read whole, checked, and never mended silently."""
