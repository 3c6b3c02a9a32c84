"""Running processes: serving until a signal, supervising workers, ending in time."""
