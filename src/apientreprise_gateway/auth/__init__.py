"""Who calls: tokens, the keys that sign them, what is known of each."""
