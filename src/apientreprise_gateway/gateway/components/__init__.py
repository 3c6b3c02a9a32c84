"""Makes the components of a gateway from its settings: a module for each subject.

A component that a reload may keep is made from a value that holds all settings it depends on, and from no other
setting. What components report is turned into metrics and log lines here. One that cannot be made raises a
`SettingsError`, which names the setting and the remedy.
"""
