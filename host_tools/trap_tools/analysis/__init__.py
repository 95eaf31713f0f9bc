"""What the data say: independent detections, rates with intervals, histories for occupancy models, the solar day."""
