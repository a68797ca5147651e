"""Orders, with their lines, vouchers and attachments."""
