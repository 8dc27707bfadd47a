"""HTTP as registries need it: bounded, guarded against where a registry may send us, and told in words."""
