"""What several rooms need for the network: addresses, proxies, TLS, content codings, deadlines, shared threads."""
