"""What everybody knows of the network (addresses, proxies, codings of bodies), and the threads that are shared."""
