"""libsodium's X25519 and ChaCha20-Poly1305, by ctypes: an emulated machine imports it in a fifth of the time of Debian's
python3-cryptography.

Keys, nonces and messages are bytes. ValueError: a length is wrong, a tag does not authenticate, a point is of low order.
"""
import ctypes

KEY_LEN = 32
TAG_LEN = 16
CHACHA20_NONCE_LEN = 12
XCHACHA20_NONCE_LEN = 24

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


def encrypt(function, key, nonce, plain, additional):
    sealed = ctypes.create_string_buffer(len(plain) + TAG_LEN)
    function(sealed, None, plain, ctypes.c_ulonglong(len(plain)), additional, ctypes.c_ulonglong(len(additional)),
             None, nonce, key)
    return sealed.raw


def decrypt(function, key, nonce, sealed, additional):
    if len(sealed) < TAG_LEN:
        raise ValueError(f"sealed message of {len(sealed)} bytes")
    plain = ctypes.create_string_buffer(len(sealed) - TAG_LEN)
    if function(plain, None, None, sealed, ctypes.c_ulonglong(len(sealed)), additional,
                ctypes.c_ulonglong(len(additional)), nonce, key):
        raise ValueError("a tag does not authenticate")
    return plain.raw


def chacha20_seal(key, nonce, plain, additional):
    """RFC 8439, section 2.8, with its tag behind it."""
    require("key", key, KEY_LEN)
    require("nonce", nonce, CHACHA20_NONCE_LEN)
    return encrypt(library.crypto_aead_chacha20poly1305_ietf_encrypt, key, nonce, plain, additional)


def chacha20_open(key, nonce, sealed, additional):
    """The reverse of chacha20_seal()."""
    require("key", key, KEY_LEN)
    require("nonce", nonce, CHACHA20_NONCE_LEN)
    return decrypt(library.crypto_aead_chacha20poly1305_ietf_decrypt, key, nonce, sealed, additional)


def xchacha20_seal(key, nonce, plain, additional):
    """The same with a nonce of 24 bytes."""
    require("key", key, KEY_LEN)
    require("nonce", nonce, XCHACHA20_NONCE_LEN)
    return encrypt(library.crypto_aead_xchacha20poly1305_ietf_encrypt, key, nonce, plain, additional)


def xchacha20_open(key, nonce, sealed, additional):
    """The reverse of xchacha20_seal()."""
    require("key", key, KEY_LEN)
    require("nonce", nonce, XCHACHA20_NONCE_LEN)
    return decrypt(library.crypto_aead_xchacha20poly1305_ietf_decrypt, key, nonce, sealed, additional)
