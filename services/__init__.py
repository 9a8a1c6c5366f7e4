"""The services of Ballast; each folder is one service, and none imports another."""
