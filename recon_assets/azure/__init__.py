"""Azure Blob storage: the account, its containers, and local copies of what is read. Imported for az:// URLs only."""
