"""The status page on the portal: its pages and files, what operators do, mails, and the loops that measure and tell."""
