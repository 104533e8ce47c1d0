"""Independent reference implementations that the marts are compared with."""
