"""Azure storage, tested against Azurite: Microsoft's emulator of Blob storage, from npm, on this computer."""
