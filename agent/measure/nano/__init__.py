"""What the embedded core and its tools can do, measured on the test split of its stream: `veclink eval nano`."""
