"""Gates: rules of the platform team for what may run, which judge images from facts that were gathered before."""
