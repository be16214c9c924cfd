"""What analysts read: raw tables, staging, marts, and the tool that builds them."""
