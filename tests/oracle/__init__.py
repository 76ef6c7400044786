"""A second hand's account of a policy's money, and histories that hold the product to it."""
