"""Compares the tap with a plain tap, dlt and Airbyte's declarative CDK."""
