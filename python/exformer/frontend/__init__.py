"""The front end for any architecture: runs in an interpreter of its own, where `torch` is the stand-in."""
