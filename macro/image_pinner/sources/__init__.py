"""Where answers come from: one file a source, each behind the interfaces of `image_pinner.sources.interface`."""
