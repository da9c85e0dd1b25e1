"""What certificates of each format say in words.

The sentences of a format that was released never change: a certificate is verified by making them again.
"""
