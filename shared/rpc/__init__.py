"""gRPC: one server builder and one client factory, the same for every service."""

import os

# gRPC hooks into fork() to make forked children usable; ours only exec another program. With its threads busy the hooks crash the
# child before it gets there (seen: initdb killed by SIGSEGV). Read when the first channel or server is made, so this is early enough.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
