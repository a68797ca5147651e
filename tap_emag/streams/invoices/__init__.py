"""Invoices by eMAG and invoices to customers."""
