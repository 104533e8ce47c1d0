"""QuickXorHash bit by bit, as Microsoft describes it: an independent reading for the tests."""


def quick_xor_hash(content: bytes) -> bytes:
    """20 bytes: each byte of the content is rotated 11 bits further than the one before, then the length is added."""
    block = [0] * 160
    for position, byte in enumerate(content):
        for bit in range(8):
            block[(position * 11 + bit) % 160] ^= byte >> bit & 1
    for bit in range(64):
        block[96 + bit] ^= len(content) >> bit & 1
    return bytes(sum(block[8 * n + bit] << bit for bit in range(8)) for n in range(20))
