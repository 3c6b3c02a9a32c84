"""What is known of the network by everybody: addresses, proxies, codings of bodies."""
