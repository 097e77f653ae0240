"""Purchase logs as people have them, and predictions straight from one."""
