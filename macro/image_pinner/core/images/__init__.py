"""Image references, digests, platforms and manifests, and the result of resolving them."""
