"""The ``manul`` command: what technicians, field staff and scientists do with units and with what they bring home."""
