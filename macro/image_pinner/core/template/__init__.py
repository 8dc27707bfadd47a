"""What a template is: paths, values, intrinsics, the places where images stand, and how they are rewritten."""
