"""libsodium's X25519 and ChaCha20-Poly1305, by ctypes: an emulated machine imports it in a fifth of the time of Debian's
python3-cryptography.

Keys, nonces and messages are bytes. ValueError: a length is wrong, a tag does not authenticate, a point is of low order.
"""
import ctypes

KEY_LEN = 32
TAG_LEN = 16

library = ctypes.CDLL("libsodium.so.23")
if library.sodium_init() < 0:
    raise OSError("sodium_init() failed")


def require(what, value, length):
    if len(value) != length:
        raise ValueError(f"{what} of {len(value)} bytes, not {length}")


def public_key(private):
    """The public key of a private one."""
    require("private key", private, KEY_LEN)
    public = ctypes.create_string_buffer(KEY_LEN)
    library.crypto_scalarmult_base(public, private)
    return public.raw


def shared_secret(private, public):
    """The product of a private key and another's public one (RFC 7748, section 6.1)."""
    require("private key", private, KEY_LEN)
    require("public key", public, KEY_LEN)
    secret = ctypes.create_string_buffer(KEY_LEN)
    if library.crypto_scalarmult(secret, private, public):
        raise ValueError(f"public key {public.hex()} is of low order")
    return secret.raw


class Aead:
    """A cipher of libsodium's, with the tag behind the sealed message."""

    def __init__(self, name, nonce_len):
        self.encrypt = getattr(library, f"crypto_aead_{name}_encrypt")
        self.decrypt = getattr(library, f"crypto_aead_{name}_decrypt")
        self.nonce_len = nonce_len

    def seal(self, key, nonce, plain, additional):
        require("key", key, KEY_LEN)
        require("nonce", nonce, self.nonce_len)
        sealed = ctypes.create_string_buffer(len(plain) + TAG_LEN)
        self.encrypt(sealed, None, plain, ctypes.c_ulonglong(len(plain)), additional,
                     ctypes.c_ulonglong(len(additional)), None, nonce, key)
        return sealed.raw

    def open(self, key, nonce, sealed, additional):
        require("key", key, KEY_LEN)
        require("nonce", nonce, self.nonce_len)
        if len(sealed) < TAG_LEN:
            raise ValueError(f"sealed message of {len(sealed)} bytes")
        plain = ctypes.create_string_buffer(len(sealed) - TAG_LEN)
        if self.decrypt(plain, None, None, sealed, ctypes.c_ulonglong(len(sealed)), additional,
                        ctypes.c_ulonglong(len(additional)), nonce, key):
            raise ValueError("a tag does not authenticate")
        return plain.raw


chacha20 = Aead("chacha20poly1305_ietf", 12)        # RFC 8439, section 2.8
xchacha20 = Aead("xchacha20poly1305_ietf", 24)
